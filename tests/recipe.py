"""Recipes for tests."""

import itertools
import json
import time
from typing import Any

from recipes.store import RecipeKind, RecipeMeta, RecipeStore

# Later than any file, and each later than the one before.
_timestamps_ms = itertools.count(time.time_ns() // 1_000_000)


def offer_blob(offer_id: int, **fields: Any) -> bytes:
    """The JSON of a usable offer."""
    offer = {
        "offerId": offer_id,
        "status": "public",
        "type": "regular",
        "landingPageUrl": "https://a.example/",
    }
    return json.dumps(offer | fields).encode()


def make_live(store: RecipeStore, kind: RecipeKind, records: dict[int, bytes]) -> int:
    """Make `records` the live generation of a kind; gives the new version."""
    writer = store.begin(kind)
    writer.add(records)
    return store.swap(writer, RecipeMeta(count=len(records)))


def change_record(store: RecipeStore, kind: RecipeKind, record_id: int, blob: bytes | None) -> int:
    """Change (None: delete) one live record, as an update does; gives the new version."""
    return store.apply_update(kind, record_id, next(_timestamps_ms), blob).version
