"""Keeps the index up to date: written with every load, updated with every update, rebuilt when lost.

It is a convenience for staff: no error in it may fail a load or hold up a click.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from recipes.file.download import local_path
from recipes.index.index import IndexBroken, IndexRow, IndexWriter, RecordIndex, index_row
from recipes.records.kinds import RecipeKind
from recipes.records.records import PARSERS, Campaign, Offer, RecordRejected
from recipes.store.lock import one_at_a_time
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta

BATCH_RECORDS = 2000
# Maximum changes to catch up with while a page waits; the background task has no such limit.
PAGE_CHANGES = 2000
# Files of a killed writer are deleted after this many seconds.
BUILDING_SECONDS = 3600.0

logger = structlog.stdlib.get_logger(__name__)


class IndexMissing(Exception):
    """There is no index to search; the message says why, and when there will be one."""


class IndexOutcome(StrEnum):
    """What was done to an index to bring it up to date."""

    NOTHING_LIVE = "nothing live"
    FOLLOWED = "followed"
    BUILT = "built"


class LoadIndex:
    """The index that is written during a load; if it fails, the load goes on without one."""

    def __init__(self, kind: RecipeKind, generation: int) -> None:
        self.name: str | None = f"{generation}-{secrets.token_hex(4)}"
        self._kind = kind
        self._rows: list[IndexRow] = []
        self._writer: IndexWriter | None = None
        with self._without_harm():
            self._writer = IndexWriter(index_path(kind, self.name))

    def note(self, record: Offer | Campaign) -> None:
        """Add a record."""
        self._rows.append(index_row(record))
        if len(self._rows) >= BATCH_RECORDS:
            self._flush()

    def finish(self, version: int) -> str | None:
        """Finish the index. Returns its name for the metadata, None if there is no index."""
        self._flush()
        with self._without_harm():
            if self._writer is not None:
                self._writer.finish(version)
        return self.name

    def discard(self) -> None:
        """Delete the index of a load that has failed."""
        if self._writer is not None:
            self._writer.discard()

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        with self._without_harm():
            if self._writer is not None:
                self._writer.add(rows)

    @contextmanager
    def _without_harm(self) -> Iterator[None]:
        try:
            yield
        except IndexBroken as error:
            logger.warning("a recipe has no index of names", kind=self._kind.value, problem=str(error))
            self.discard()
            self._writer = self.name = None


def index_path(kind: RecipeKind, name: str) -> Path:
    """Return the place of the index of this name, beside the recipe file."""
    return local_path(kind).parent / f"{kind}-{name}.index.sqlite3"


def forget_other_indexes(kind: RecipeKind, name: str | None) -> None:
    """Delete the indexes of generations that are no longer live; open ones can still be read."""
    kept = None if name is None else index_path(kind, name)
    directory, long_ago = local_path(kind).parent, time.time() - BUILDING_SECONDS
    with suppress(OSError):
        for path in directory.glob(f"{kind}-*.index.sqlite3"):
            if path != kept:
                path.unlink(missing_ok=True)
        for path in directory.glob(f"{kind}-*.index.part"):
            # Its writer was killed: a living one writes all the time.
            if path.stat().st_mtime < long_ago:
                path.unlink(missing_ok=True)


@contextmanager
def live_index(store: RecipeStore, kind: RecipeKind) -> Iterator[RecordIndex]:
    """Open the index of what is live, brought up to the newest update.

    Raises `IndexMissing` if there is none, and redis-py's errors.
    """
    meta = store.meta(kind)
    if not meta.generation:
        raise IndexMissing(f"No {kind} are loaded yet, so there is nothing to find.")
    try:
        if meta.index is None:
            raise IndexBroken("none was written with it")
        index = RecordIndex(index_path(kind, meta.index))
    except IndexBroken as error:
        raise _missing(kind, meta.generation, error) from error
    with closing(index):
        try:
            follow(store, kind, meta.generation, index, PAGE_CHANGES)
        except IndexBroken as error:
            raise _missing(kind, meta.generation, error) from error
        yield index


def _missing(kind: RecipeKind, generation: int, problem: IndexBroken) -> IndexMissing:
    return IndexMissing(
        f"The index of generation {generation} of the {kind} is being built; until it is there, {kind} are "
        "found by id only. If it takes more than a few minutes, see that the Celery worker and beat run, and "
        f"that they share {local_path(kind).parent} with the web workers ({problem})."
    )


def follow(
    store: RecipeStore, kind: RecipeKind, generation: int, index: RecordIndex, at_most: int | None = None
) -> None:
    """Write the updates since the index was written into it, in batches, until they or `at_most` are done.

    Raises `IndexBroken` and redis-py's errors.
    """
    done = 0
    while True:
        # From a version on, not from a place: an update that comes meanwhile moves its record to the end.
        changes = store.changed_since(kind, generation, index.version, BATCH_RECORDS)
        # After a load that has replayed many updates, more than a batch share a version.
        for at in range(0, len(changes), BATCH_RECORDS):
            some = changes[at : at + BATCH_RECORDS]
            last, is_whole = some[-1][1], at + BATCH_RECORDS >= len(changes)
            _write(store, kind, index, [record_id for record_id, _ in some], last if is_whole else last - 1)
            done += len(some)
            if at_most is not None and done >= at_most:
                return
        if len(changes) < BATCH_RECORDS:
            return


def _write(store: RecipeStore, kind: RecipeKind, index: RecordIndex, ids: list[int], version: int) -> None:
    """Write these records into the index as they are live now; it has every change up to `version` then."""
    rows, gone = [], []
    for record_id, blob in zip(ids, store.get_many(kind, ids), strict=True):
        row = None if blob is None else _row(kind, blob)
        if row is None:
            gone.append(record_id)
        else:
            rows.append(row)
    index.apply(rows, gone, version)


def keep_indexed(store: RecipeStore, kind: RecipeKind) -> IndexOutcome:
    """Build the index of what is live if it is missing or broken, else write the newest updates into it.

    Raises `IndexBroken` and redis-py's errors.
    """
    meta = store.meta(kind)
    if not meta.generation:
        return IndexOutcome.NOTHING_LIVE
    if meta.index is not None:
        try:
            with closing(RecordIndex(index_path(kind, meta.index))) as index:
                follow(store, kind, meta.generation, index)
            return IndexOutcome.FOLLOWED
        except IndexBroken as error:
            logger.warning("an index of names is built anew", kind=kind.value, problem=str(error))
    _build(store, kind, meta)
    return IndexOutcome.BUILT


def _build(store: RecipeStore, kind: RecipeKind, meta: RecipeMeta) -> None:
    """Write an index from Redis, and name it in the metadata if that generation is still live."""
    name = f"{meta.generation}-{secrets.token_hex(4)}"
    version = store.version()
    writer = IndexWriter(index_path(kind, name))
    try:
        for records in store.records(kind, meta.generation):
            writer.add(row for blob in records.values() if (row := _row(kind, blob)) is not None)
        writer.finish(version)
        with one_at_a_time(store, kind):
            if store.meta(kind).generation == meta.generation:
                store.amend_meta(kind, index=name)
                forget_other_indexes(kind, name)
                return
        writer.discard()
    except BaseException:
        writer.discard()
        raise


def _row(kind: RecipeKind, blob: bytes) -> IndexRow | None:
    try:
        return index_row(PARSERS[kind](msgspec.json.decode(blob)))
    except (RecordRejected, msgspec.DecodeError, RecursionError):
        # An older version of this program took records that are nested too deeply.
        return None
