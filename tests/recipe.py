"""Recipes for tests."""

import json
import time
from pathlib import Path
from typing import Any

from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.journal import Clocks, Write
from recipes.store.record_json import RecordJson
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta, WriteOutcome

_last_timestamp_ms = 0


def offer_blob(offer_id: int, **fields: Any) -> bytes:
    """The JSON of a usable offer."""
    offer = {
        "offerId": offer_id,
        "status": "public",
        "type": "regular",
        "landingPageUrl": "https://a.example/",
    }
    return json.dumps(offer | fields).encode()


def deep_blob(offer_id: int, levels: int) -> bytes:
    """The JSON of an offer that holds lists in lists, with the offer itself as many levels as that."""
    inner = levels - 1
    return offer_blob(offer_id)[:-1] + b', "new": ' + b"[" * inner + b"]" * inner + b"}"


def temporary_files(kind: RecipeKind) -> set[Path]:
    """The downloads of a kind that are under way, or were killed on theirs."""
    return set(local_path(kind).parent.glob(f".{local_path(kind).name}.*.part"))


def make_live(store: RecipeStore, kind: RecipeKind, records: dict[int, bytes]) -> int:
    """Make `records` the live generation of a kind; gives the new version."""
    writer = store.begin(kind)
    writer.add(records)
    return store.swap(writer, RecipeMeta(count=len(records)))


def change_record(store: RecipeStore, kind: RecipeKind, record_id: int, blob: bytes | None) -> int:
    """Change (None: delete) one live record, as an update does; gives the new version."""
    global _last_timestamp_ms
    # Later than any file, and each later than the one before.
    _last_timestamp_ms = max(_last_timestamp_ms + 1, time.time_ns() // 1_000_000)
    record = None if blob is None else RecordJson(blob)
    while True:
        live = store.get_many(kind, [record_id])[0]
        before = None if live is None else RecordJson(live)
        write = Write(kind, record_id, _last_timestamp_ms, record, before)
        (written,) = store.write_updates([write], Clocks(_last_timestamp_ms, 0, 0))
        # A load or another update may have come between.
        if written.outcome is not WriteOutcome.CHANGED:
            return written.version
