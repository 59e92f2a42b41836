"""Loads a recipe file: validates its records one by one, passes them on in batches, and accounts for each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
from django.conf import settings

from recipes.file.cpu_backoff import CpuBackoff
from recipes.file.json_stream import RawRecord, RecipeRejected, read_records
from recipes.records.census import Census
from recipes.records.fields import Defect, id_of
from recipes.records.kinds import RecipeKind
from recipes.records.records import PARSERS, Campaign, Offer, RecordRejected

BATCH_RECORDS = 500
KEPT_DEFECTS = 100
KEPT_REJECTIONS = 100
NAMED_KEPT = 100
NO_RECORD = "no record"

Add = Callable[[dict[int, bytes]], object]
Note = Callable[[Offer | Campaign], object]


class Live(Protocol):
    """The records that are live while a file is loaded."""

    def get(self, ids: list[int]) -> dict[int, bytes]:
        """Return those of these records that are live."""

    def ids(self) -> Iterator[set[int]]:
        """Yield the ids of all live records, some at a time."""


class Loaded(msgspec.Struct):
    """The counts of a load so far; `ids` tells duplicates from new records.

    `kept` names the records whose live version stays, each with the reason. `carried` counts live records
    that stay because they are missing from a file that holds elements without an id.
    """

    ids: set[int] = msgspec.field(default_factory=set)
    duplicates: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    rejections: list[str] = msgspec.field(default_factory=list)
    defect_count: int = 0
    defects: list[Defect] = msgspec.field(default_factory=list)
    census: Census = msgspec.field(default_factory=Census)
    kept: dict[int, str] = msgspec.field(default_factory=dict)
    carried: int = 0

    def reject(self, number: int, problem: RecordRejected) -> None:
        """Count a record that cannot be used; the first few are kept by name."""
        self.rejected[problem.reason] = self.rejected.get(problem.reason, 0) + 1
        if problem.reason != NO_RECORD:
            # The record that such an element should have been stays live, so it is no sign of damage.
            self.census.count_rejected()
        if len(self.rejections) < KEPT_REJECTIONS:
            named = f" (id {problem.record_id})" if problem.record_id else ""
            self.rejections.append(f"record {number}{named}: {problem.reason}")

    def keep(self, record_id: int, record: Offer | Campaign) -> None:
        """Count a usable record and its defects."""
        if record_id in self.ids:
            self.duplicates += 1
            self.kept.pop(record_id, None)
        self.ids.add(record_id)
        self.census.count(record)
        if record.defects:
            self.defect_count += len(record.defects)
            self.defects.extend(record.defects[: KEPT_DEFECTS - len(self.defects)])

    @property
    def named_kept(self) -> list[str]:
        """The first records whose live version stays, each with the reason, as text."""
        first = sorted(self.kept)[:NAMED_KEPT]
        return [f"record {record_id}: {self.kept[record_id]}" for record_id in first]


def load(
    kind: RecipeKind,
    path: Path,
    add: Add,
    progress: Callable[[int], object],
    note: Note | None = None,
    live: Live | None = None,
) -> Loaded:
    """Read and validate every record, `add` the usable ones by id, and call `progress` with the number read.

    `note` is called with each usable record, parsed. Of several records with one id the last wins. If the
    file has no usable version of a record that is `live`, the live one is added instead. Raises
    `RecipeRejected`, perhaps after many records were added.
    """
    load = _Load(kind, add, note, live)
    number, rest = 0, CpuBackoff()
    try:
        # Reported for every chunk, because a file may hold little but white space.
        records = read_records(path, settings.RECIPE_MAX_BYTES, lambda: progress(number))
        for number, raw in enumerate(records, start=1):
            load.take(number, raw)
            if len(load.batch) >= BATCH_RECORDS:
                load.flush()
                progress(number)
                rest()
    except RecipeRejected as error:
        raise RecipeRejected(f"{kind}: {error}") from None
    load.flush()
    loaded = load.loaded
    if not loaded.ids:
        # Without records no link would work any more; not even `force` may do that.
        named = f" ({'; '.join(loaded.rejections[:3])})" if loaded.rejections else ""
        raise RecipeRejected(f"{kind}: the file holds no usable record{named}")
    for _ in load.add_what_stays():
        progress(number)
    return loaded


class _Load:
    """A load in progress: the records since the last flush, and the counts of all."""

    def __init__(self, kind: RecipeKind, add: Add, note: Note | None, live: Live | None) -> None:
        self.loaded = Loaded()
        self.batch: dict[int, bytes] = {}
        self._kind = kind
        self._parse = PARSERS[kind]
        self._add = add
        self._note = note
        self._live = live
        # First: ids in this batch with an unreadable restriction. Then: ids rejected in the whole file.
        self._unreadable: dict[int, str] = {}
        self._rejected: dict[int, str] = {}
        self._is_incomplete = False
        # Rejected elements without an id whose live records have not been found yet.
        self._nameless = 0

    def take(self, number: int, raw: RawRecord) -> None:
        """Validate one element of the file."""
        try:
            record = self._parsed(raw)
        except RecordRejected as error:
            self.loaded.reject(number, error)
            if error.record_id is None:
                self._is_incomplete = True
                self._nameless += error.reason != NO_RECORD
            else:
                self._rejected[error.record_id] = error.reason
            return
        record_id = record.offer_id if isinstance(record, Offer) else record.campaign_id
        self.loaded.keep(record_id, record)
        self.batch[record_id] = raw.text.encode()
        if self._note is not None:
            self._note(record)
        if record.unreadable and not record.takes_no_click:
            self._unreadable[record_id] = f"its {', '.join(sorted(record.unreadable))} cannot be read"
        elif self._unreadable:
            self._unreadable.pop(record_id, None)

    def flush(self) -> None:
        """Add the batch, with the live versions of records that have an unreadable restriction."""
        if self._unreadable and self._live is not None:
            for record_id, blob in self._live.get(list(self._unreadable)).items():
                if blob == self.batch[record_id]:
                    # As unreadable as the file's: the same text.
                    continue
                live = _readable(self._kind, blob)
                # A live version that is unreadable itself, and so closed already, may be replaced.
                if live is not None and not live.unreadable:
                    self._stay(record_id, blob, live)
                    self.loaded.kept[record_id] = self._unreadable[record_id]
        self._unreadable = {}
        batch, self.batch = self.batch, {}
        self._add(batch)

    def add_what_stays(self) -> Iterator[None]:
        """Add live records that were rejected in the file, and those it lacks if an element has no id."""
        if self._live is None:
            return
        loaded = self.loaded
        rejected = [record_id for record_id in self._rejected if record_id not in loaded.ids]
        for at in range(0, len(rejected), BATCH_RECORDS):
            for record_id in self._add_live(rejected[at : at + BATCH_RECORDS], are_rejected=True):
                loaded.kept[record_id] = self._rejected[record_id]
            yield
        if not self._is_incomplete:
            return
        for ids in self._live.ids():
            missing = [found for found in ids if found not in loaded.ids]
            loaded.carried += len(self._add_live(missing, are_rejected=False))
            yield

    def _add_live(self, ids: list[int], *, are_rejected: bool) -> list[int]:
        """Add those of these records that are live. Returns their ids.

        Where they are not known to be rejected, as many count as rejected as there are such elements left.
        """
        found = self._live.get(ids) if self._live is not None and ids else {}
        for record_id, blob in found.items():
            self.loaded.ids.add(record_id)
            live = _readable(self._kind, blob)
            self._stay(record_id, blob, live)
            is_nameless = not are_rejected and self._nameless > 0
            self._nameless -= is_nameless
            self.loaded.census.count_stayed(live, is_rejected=are_rejected or is_nameless)
        batch, self.batch = self.batch, {}
        self._add(batch)
        return list(found)

    def _stay(self, record_id: int, blob: bytes, live: Offer | Campaign | None) -> None:
        self.batch[record_id] = blob
        if self._note is not None and live is not None:
            self._note(live)

    def _parsed(self, raw: RawRecord) -> Offer | Campaign:
        """Parse a record. Raises `RecordRejected`."""
        if raw.fields is None:
            raise RecordRejected(raw.problem or NO_RECORD)
        record_id = id_of(raw.fields.get(self._kind.id_field))
        if raw.problem:
            raise RecordRejected(raw.problem, record_id)
        try:
            return self._parse(raw.fields)
        except ArithmeticError:
            raise RecordRejected("a number out of range", record_id) from None


def _readable(kind: RecipeKind, blob: bytes) -> Offer | Campaign | None:
    """Parse a live record; None if it can no longer be used."""
    try:
        raw: dict[str, object] = msgspec.json.decode(blob, type=dict[str, object])
        return PARSERS[kind](raw)
    except (RecordRejected, msgspec.DecodeError, ArithmeticError, RecursionError):
        return None
