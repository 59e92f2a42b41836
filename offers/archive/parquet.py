"""Parquet files, written and read by DuckDB. A file is whole and on the disk, or it is not there."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb

from offers.archive.columns import EVERY_COLUMN
from offers.archive.lines import json_query, quoted

# What a worker of Celery can spare; what does not fit goes to a file beside the archive.
MEMORY = "128MB"
# One thread: the processors are for web workers.
OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "async_threads": 0,
    "memory_limit": MEMORY,
}
TEMPORARY = ".tmp"
# The lowest level compresses clicks as well as the usual one, in two thirds of the time.
COMPRESSION = "COMPRESSION zstd, COMPRESSION_LEVEL 1"
EARLIEST_MS = 'epoch_ms(min("dateAdded"))'


class ArchiveAway(Exception):
    """The archive's directory takes no files now; the message says why."""


class Batch(NamedTuple):
    """Clicks on their way to a file: how many, when the first of them came, and the first and last place."""

    clicks: int = 0
    earliest_ms: int = 0
    first: int = 0
    last: int = 0


class ClickParquet:
    """DuckDB for one run. Every method raises `ArchiveAway` where the disk does not do its part."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / TEMPORARY
        self._lines = self._temporary / "batch.ndjson"
        self._draft = self._temporary / "batch.parquet"
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.batch = Batch()

    def __enter__(self) -> Self:
        try:
            self._temporary.mkdir(parents=True, exist_ok=True)
            # What a run has left that died.
            for path in self._temporary.iterdir():
                if path.is_file():
                    path.unlink()
        except OSError as error:
            raise _away(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
        with suppress(OSError):
            self._lines.unlink()

    def load(self, blocks: Iterable[bytes]) -> int:
        """Take lines, as `lines_of` makes them. Returns how many are clicks; `batch` is those that are kept.

        A value that is not of its column's type is null. Of records with the same lid the first counts.
        """
        lines = 0
        try:
            with self._lines.open("wb") as file:
                for block in blocks:
                    lines += block.count(b"\n")
                    file.write(block)
        except OSError as error:
            raise _away(error) from error
        # Nearly every batch is kept as it is. A table of it would cost as much again as this.
        clicks = self._copy(f"SELECT {EVERY_COLUMN} FROM ({json_query(self._lines)})", self._draft)  # noqa: S608
        drafted = f"SELECT count(DISTINCT lid), {EARLIEST_MS} FROM {parquet_query([self._draft])}"  # noqa: S608
        ((lids, earliest_ms),) = self._run(drafted)
        self.batch = Batch(clicks, int(earliest_ms or 0), 0, lines - 1)
        if not lids == clicks == lines:
            self._sift()
        return clicks

    def forget_known(self, files: Sequence[Path]) -> None:
        """Take out of the batch what is in files already."""
        if files:
            drafted, known = parquet_query([self._draft]), parquet_query(files)
            ((count,),) = self._run(f"SELECT count(*) FROM {drafted} SEMI JOIN {known} USING (lid)")  # noqa: S608
            if count:
                self._sift(files)

    def write(self, path: Path) -> None:
        """Make the batch a file, in the order of its lines."""
        self._keep(self._draft, path)

    def merge(self, files: Sequence[Path], path: Path) -> None:
        """Write what is in files to one file, in their order."""
        # Older versions added the names of the directories to what they merged.
        columns = "COLUMNS(lambda name: name NOT IN ('date', 'hour'))"
        partial = self._temporary / path.name
        self._copy(f"SELECT {columns} FROM {parquet_query(files)}", partial)  # noqa: S608
        self._keep(partial, path)

    def _sift(self, files: Sequence[Path] = ()) -> None:
        """Draft the batch anew, without what came twice and what is in files."""
        self._run(f"CREATE OR REPLACE TEMP TABLE batch AS {json_query(self._lines)}")
        self._run("DELETE FROM batch WHERE number NOT IN (SELECT min(number) FROM batch GROUP BY lid)")
        if files:
            known = parquet_query(files)
            self._run(f"DELETE FROM batch WHERE lid IN (SELECT lid FROM {known} SEMI JOIN batch USING (lid))")  # noqa: S608
        self._copy("SELECT * EXCLUDE (number) FROM batch", self._draft)
        (found,) = self._run(f"SELECT count(*), {EARLIEST_MS}, min(number), max(number) FROM batch")  # noqa: S608
        self.batch = Batch(*(int(value or 0) for value in found))
        self._run("DROP TABLE batch")

    def _copy(self, query: str, path: Path) -> int:
        """Write what a query finds, in its order, which DuckDB keeps. Returns how many."""
        ((count,),) = self._run(f"COPY ({query}) TO {quoted(path)} (FORMAT parquet, {COMPRESSION})")
        return int(count)

    def _keep(self, partial: Path, path: Path) -> None:
        """Move a file to where it belongs, once it is on the disk."""
        try:
            _sync(partial)
            _make_directory(path.parent, self._root)
            partial.replace(path)
            _sync(path.parent)
        except OSError as error:
            raise _away(error) from error

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                # Only now: most runs of a quiet instance find nothing to write.
                self._connection = _database(self._temporary / "spill").cursor()
            found: list[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
        except duckdb.Error as error:
            # After some errors it answers nothing any more.
            _database.cache_clear()
            raise _away(error) from error
        return found


@lru_cache(maxsize=1)
def _database(spill: Path) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB, which a process keeps: opening one takes as long as writing a thousand clicks."""
    return duckdb.connect(config={**OPTIONS, "temp_directory": str(spill)})


def parquet_query(files: Sequence[Path], *, any_version: bool = True) -> str:
    """Return the table function that reads files of the archive.

    A file that an older version wrote lacks the columns that have come since. With `any_version` they are
    null; else to ask for one raises an error.
    """
    paths = ", ".join(map(quoted, files))
    # Else `date` and `hour` of the directories become columns.
    options = f"union_by_name = {str(any_version).lower()}, hive_partitioning = false"
    return f"read_parquet([{paths}], {options})"


def _make_directory(directory: Path, root: Path) -> None:
    if directory.is_dir():
        return
    if directory != root:
        _make_directory(directory.parent, root)
    directory.mkdir(parents=True, exist_ok=True)
    _sync(directory.parent)


def _sync(path: Path) -> None:
    """Force a file or directory to the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _away(error: Exception) -> ArchiveAway:
    return ArchiveAway(f"{error}; check CLICK_ARCHIVE_DIR and its disk")
