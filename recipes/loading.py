"""The records of a recipe file, validated one by one and handed over in batches, with account of each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings

from offers.reading import id_of
from offers.records import Campaign, Defect, Offer, RecordRejected, parse_campaign, parse_offer
from recipes.giving_way import Rest
from recipes.reading import RawRecord, RecipeRejected, read_records
from recipes.store import RecipeKind

BATCH_RECORDS = 500
KEPT_DEFECTS = 100
KEPT_REJECTIONS = 100

_workers_decoder = msgspec.json.Decoder(dict[str, Any])

Add = Callable[[dict[int, bytes]], object]
Note = Callable[[Offer | Campaign], object]


class Loaded(msgspec.Struct):
    """What a load has seen so far; `ids` tell duplicates from new records."""

    ids: set[int] = msgspec.field(default_factory=set)
    duplicates: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    rejections: list[str] = msgspec.field(default_factory=list)
    defect_count: int = 0
    defects: list[Defect] = msgspec.field(default_factory=list)

    def reject(self, number: int, problem: RecordRejected) -> None:
        """Count a record that cannot be used; the first few are kept by name."""
        self.rejected[problem.reason] = self.rejected.get(problem.reason, 0) + 1
        if len(self.rejections) < KEPT_REJECTIONS:
            named = f" (id {problem.record_id})" if problem.record_id else ""
            self.rejections.append(f"record {number}{named}: {problem.reason}")

    def keep(self, record_id: int, defects: tuple[Defect, ...]) -> None:
        """Count a record that is used, and what was wrong with it."""
        if record_id in self.ids:
            self.duplicates += 1
        self.ids.add(record_id)
        self.defect_count += len(defects)
        self.defects.extend(defects[: KEPT_DEFECTS - len(self.defects)])


def load(
    kind: RecipeKind, path: Path, add: Add, progress: Callable[[int], object], note: Note | None = None
) -> Loaded:
    """Read and validate every record, `add` the usable ones by id, and tell `progress` how many were read.

    `note` is given each usable record, parsed. Of records with one id the last wins. Raises `RecipeRejected`,
    perhaps after much was added.
    """
    loaded, batch, rest = Loaded(), dict[int, bytes](), Rest()
    try:
        for number, raw in enumerate(read_records(path, settings.RECIPE_MAX_BYTES), start=1):
            try:
                blob = raw.text.encode()
                record = _validated(kind, raw, blob)
            except RecordRejected as problem:
                loaded.reject(number, problem)
                continue
            record_id = record.offer_id if isinstance(record, Offer) else record.campaign_id
            loaded.keep(record_id, record.defects)
            if note is not None:
                note(record)
            batch[record_id] = blob
            if len(batch) >= BATCH_RECORDS:
                add(batch)
                progress(number)
                batch = {}
                rest()
    except RecipeRejected as problem:
        raise RecipeRejected(f"{kind}: {problem}") from None
    add(batch)
    if not loaded.ids:
        # A recipe without records would answer no link at all; not even force is meant to do that.
        named = f" ({'; '.join(loaded.rejections[:3])})" if loaded.rejections else ""
        raise RecipeRejected(f"{kind}: the file holds no usable record{named}")
    return loaded


def _validated(kind: RecipeKind, raw: RawRecord, blob: bytes) -> Offer | Campaign:
    """The record, parsed. Raises `RecordRejected`."""
    try:
        # The workers' decoder takes no half of a surrogate pair, and Python's does; a record that was counted
        # as loaded must not be unknown to every click. Only escapes can hold one: most need no second look.
        if "\\u" in raw.text:
            _workers_decoder.decode(blob)
        return parse_offer(raw.fields) if kind is RecipeKind.OFFERS else parse_campaign(raw.fields)
    except msgspec.DecodeError:
        reason = "text that workers cannot decode"
    except ArithmeticError:
        reason = "a number out of range"
    raise RecordRejected(reason, id_of(raw.fields.get(kind.id_field)))
