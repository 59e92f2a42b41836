"""Compares a recipe file with what is live, record by record: what would change if it went live now?

Nothing is written to Redis: records that differ are kept in a temporary file, all others are the live ones.
"""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec
from django.conf import settings

from recipes.file.download import RecipeFile
from recipes.file.load import Loaded, load
from recipes.records.kinds import RecipeKind
from recipes.store.journal import Replay
from recipes.store.store import LiveRecords, RecipeStore
from recipes.sync.cap_amounts import caps_in_words
from recipes.sync.damage import drop_percent, reasons_to_hold

# How many examples of each sort are kept; counts are exact.
KEPT_RECORDS = 200
KEPT_FIELDS = 20
KEPT_FIELD_NAMES = 200
SHOWN_CHARACTERS = 200
# Records read from Redis in one request: few enough to let clicks in between.
ASKED_RECORDS = 500
# It is shown in words where these say what changes.
CAPS_FIELD = "capInfo"

Progress = Callable[[str, int, int | None], object]


class LiveChanged(Exception):
    """Another generation went live during the comparison, which has to start again."""


class FieldChange(msgspec.Struct, frozen=True):
    """One field of a record, as it is and as it would be; None if it is missing. Long values are cut.

    The amounts of caps are in words.
    """

    field: str
    before: str | None
    after: str | None


class RecordChange(msgspec.Struct, frozen=True):
    """One record that would be added, removed or changed."""

    record_id: int
    name: str
    fields: list[FieldChange] = []


class Comparison(msgspec.Struct, kw_only=True):
    """What a file would change. Counts are exact; of the records only the first ones are kept, by id.

    Records that would stay as they are live: `kept_updates` by updates newer than the file, `undone` by older
    updates that the file does not contain yet, `kept_count` because the file's version of them cannot be used
    (`kept` names the first), `carried` because the file lacks them and holds elements that are not records.
    `held_back` says why only force makes the file live. `fields` counts changed records by field. Times are
    in ms since the epoch.
    """

    kind: RecipeKind
    etag: str
    size_bytes: int
    last_modified_ms: int
    live_generation: int
    live_count: int = 0
    count: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    kept_updates: int = 0
    undone: int = 0
    kept_count: int = 0
    kept: list[str] = []
    carried: int = 0
    held_back: list[str] = []
    rejected: dict[str, int] = {}
    rejections: list[str] = []
    defect_count: int = 0
    drop_percent: float = 0.0
    fields: dict[str, int] = {}
    added_records: list[RecordChange] = []
    removed_records: list[RecordChange] = []
    changed_records: list[RecordChange] = []

    @property
    def unchanged(self) -> int:
        """How many records stay as they are, including those that updates keep."""
        return self.live_count - self.removed - self.changed

    @property
    def is_held_back(self) -> bool:
        """Whether the file looks so damaged that only force makes it live."""
        return bool(self.held_back)


class CandidateRecipe:
    """The records that would be live with the file, by id; those that updates keep are the live ones."""

    def __init__(self, store: RecipeStore, kind: RecipeKind, replay: Replay) -> None:
        self.ids: set[int] = set()
        self.replay = replay
        self._store = store
        self._kind = kind
        # "" is a temporary file of SQLite's own; it holds only records that differ from what is live.
        self._different = sqlite3.connect("", isolation_level=None)
        self._different.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, blob BLOB)")
        # Nobody reads the file after a crash.
        self._different.execute("PRAGMA synchronous = OFF")

    def keep(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Keep records that differ from what is live."""
        self._different.execute("BEGIN")
        self._different.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", records)
        self._different.execute("COMMIT")

    def get(self, record_id: int) -> bytes | None:
        """Return the record of this id, None if there would be none."""
        if self.replay.stays(record_id):
            return self._store.get(self._kind, record_id)
        if record_id not in self.ids:
            return None
        query = "SELECT blob FROM records WHERE id = ?"
        row = self._different.execute(query, [record_id]).fetchone()
        return self._store.get(self._kind, record_id) if row is None else row[0]

    def close(self) -> None:
        """Delete the temporary file."""
        self._different.close()


def compare(
    kind: RecipeKind, file: RecipeFile, store: RecipeStore, progress: Progress
) -> tuple[Comparison, CandidateRecipe]:
    """Return what the file would change, and the records that would be live; the caller closes those.

    Raises `RecipeRejected` for a file that could never go live, `LiveChanged`, and redis-py's errors.
    """
    overlap_ms = int(settings.RECIPE_UPDATE_OVERLAP_SECONDS * 1000)
    comparison = Comparison(
        kind=kind,
        etag=file.etag,
        size_bytes=file.size_bytes,
        last_modified_ms=file.last_modified_ms,
        live_generation=store.meta(kind).generation,
        live_count=store.live_count(kind),
    )
    candidate = CandidateRecipe(store, kind, store.replay_for(kind, file.last_modified_ms, overlap_ms))

    def counted(done: int) -> object:
        return progress(f"comparing {kind}", done, max(done, comparison.live_count))

    try:
        differences = _Differences(kind, store, candidate)
        loaded = load(
            kind,
            file.path,
            differences.look_at,
            counted,
            live=LiveRecords(store, kind) if comparison.live_count else None,
        )
        candidate.replay.look_at_missing()
        differences.fill(comparison)
        _note_load(comparison, loaded)
        comparison.held_back = reasons_to_hold(kind, store, loaded, comparison.live_count, counted)
        progress(f"looking for {kind} that are gone", 0, None)
        _note_removed(comparison, store, candidate)
        # Records were compared with what was live while they were read; a swap in between mixes two recipes.
        if store.meta(kind).generation != comparison.live_generation:
            raise LiveChanged(f"{kind}: another generation went live meanwhile; preview once more")
    except BaseException:
        candidate.close()
        raise
    return comparison, candidate


class _Differences:
    """The differences in the batches of records seen so far."""

    def __init__(self, kind: RecipeKind, store: RecipeStore, candidate: CandidateRecipe) -> None:
        self._kind = kind
        self._store = store
        self._candidate = candidate
        self._added: set[int] = set()
        self._changed: set[int] = set()
        self._examples: dict[int, RecordChange] = {}
        self._fields: dict[str, int] = {}

    def look_at(self, batch: dict[int, bytes]) -> None:
        """Compare some records of the file; of several with one id the last one counts."""
        self._candidate.replay.look_at(batch)
        ids = [record_id for record_id in batch if not self._candidate.replay.stays(record_id)]
        different = []
        for at in range(0, len(ids), ASKED_RECORDS):
            some = ids[at : at + ASKED_RECORDS]
            for record_id, live in zip(some, self._store.get_many(self._kind, some), strict=True):
                if record_id in self._candidate.ids:
                    # The file has this id twice, and its last record counts, as in a load.
                    self._forget(record_id)
                if self._is_different(record_id, live, batch[record_id]):
                    different.append((record_id, batch[record_id]))
        self._candidate.ids.update(ids)
        self._candidate.keep(different)

    def fill(self, comparison: Comparison) -> None:
        """Copy the differences into a comparison."""
        comparison.added, comparison.changed = len(self._added), len(self._changed)
        comparison.fields = dict(sorted(self._fields.items(), key=lambda found: -found[1]))
        for record_id in sorted(self._examples):
            lists = comparison.added_records if record_id in self._added else comparison.changed_records
            lists.append(self._examples[record_id])

    def _is_different(self, record_id: int, live: bytes | None, blob: bytes) -> bool:
        if live == blob:
            return False
        after = _decoded(blob)
        if live is None:
            self._added.add(record_id)
            if len(self._added) <= KEPT_RECORDS:
                self._examples[record_id] = RecordChange(record_id, _name(after))
            return True
        # Updates and files spell the same record differently, so values are compared, not bytes.
        before = _decoded(live)
        names = [name for name in {**before, **after} if _differ(before, after, name)]
        if not names:
            return False
        self._changed.add(record_id)
        for name in names:
            if name in self._fields or len(self._fields) < KEPT_FIELD_NAMES:
                self._fields[name] = self._fields.get(name, 0) + 1
        if len(self._changed) <= KEPT_RECORDS:
            changes = [_change(before, after, name) for name in names[:KEPT_FIELDS]]
            self._examples[record_id] = RecordChange(record_id, _name(after), changes)
        return True

    def _forget(self, record_id: int) -> None:
        self._added.discard(record_id)
        self._changed.discard(record_id)
        self._examples.pop(record_id, None)


def _note_load(comparison: Comparison, loaded: Loaded) -> None:
    comparison.count = len(loaded.ids)
    comparison.rejected, comparison.rejections = loaded.rejected, loaded.rejections
    comparison.defect_count = loaded.defect_count
    comparison.kept_count, comparison.kept = len(loaded.kept), loaded.named_kept
    comparison.carried = loaded.carried
    comparison.drop_percent = drop_percent(comparison.count, comparison.live_count)


def _note_removed(comparison: Comparison, store: RecipeStore, candidate: CandidateRecipe) -> None:
    """Count the records that are live and not in the file, and keep the first ones."""
    kind, removed, replay = comparison.kind, set[int](), candidate.replay
    for ids in store.record_ids(kind, comparison.live_generation):
        removed.update(found for found in ids - candidate.ids if not replay.stays(found))
    comparison.removed = len(removed)
    comparison.kept_updates, comparison.undone = len(replay.newer), len(replay.undone)
    first = sorted(removed)[:KEPT_RECORDS]
    comparison.removed_records = [
        RecordChange(record_id, _name(_decoded(blob)) if blob else "")
        for record_id, blob in zip(first, store.get_many(kind, first), strict=True)
    ]


def _decoded(blob: bytes) -> dict[str, object]:
    """Decode a record; without fields if it is one that an older version of this program took, too deep."""
    try:
        return msgspec.json.decode(blob, type=dict[str, object])
    except RecursionError:
        return {}


def _differ(before: dict[str, object], after: dict[str, object], name: str) -> bool:
    missing = object()
    return bool(before.get(name, missing) != after.get(name, missing))


def _change(before: dict[str, object], after: dict[str, object], name: str) -> FieldChange:
    if name == CAPS_FIELD:
        words = caps_in_words(before), caps_in_words(after)
        if all(words) and words[0] != words[1]:
            return FieldChange(name, *words)
    return FieldChange(name, *(_shown(side[name]) if name in side else None for side in (before, after)))


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _name(record: dict[str, object]) -> str:
    name = record.get("name")
    return "" if name is None else str(name)[:SHOWN_CHARACTERS]
