"""Parquet files, written and read by DuckDB. A file is whole and on the disk, or it is not there."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from offers.archive.columns import COLUMNS

# What a worker of Celery can spare; what does not fit goes to a file beside the archive.
MEMORY = "128MB"
# One thread: the processors are for web workers.
OPTIONS: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "memory_limit": MEMORY}
TEMPORARY = ".tmp"


class ArchiveAway(Exception):
    """The archive's directory takes no files now; the message says why."""


class ClickParquet:
    """DuckDB for one run. Every method raises `ArchiveAway` where the disk does not do its part."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._temporary = root / TEMPORARY
        self._lines = self._temporary / "batch.ndjson"
        self._connection: Any = None

    def __enter__(self) -> Self:
        try:
            self._temporary.mkdir(parents=True, exist_ok=True)
            # What a run has left that died.
            for path in self._temporary.iterdir():
                if path.is_file():
                    path.unlink()
            options = {**OPTIONS, "temp_directory": str(self._temporary / "spill")}
            self._connection = duckdb.connect(config=options)
        except (OSError, duckdb.Error) as error:
            raise _away(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def load(self, records: Sequence[bytes]) -> int:
        """Take records, of which each is a JSON object in one line. Returns how many could be read.

        A value that is not of its column's type is null. Of records with the same lid the first counts.
        """
        try:
            self._lines.write_bytes(b"\n".join(numbered(records)))
            self._run(f"CREATE OR REPLACE TEMP TABLE batch AS {json_query(self._lines)}")
            self._lines.unlink()
        except OSError as error:
            raise _away(error) from error
        readable = self._count()
        self._run("DELETE FROM batch WHERE number NOT IN (SELECT min(number) FROM batch GROUP BY lid)")
        return readable

    def earliest_ms(self) -> int:
        """Return when the oldest click of the batch came, in milliseconds since the epoch."""
        ((at,),) = self._run('SELECT epoch_ms(min("dateAdded")) FROM batch')
        return int(at or 0)

    def forget_known(self, files: Sequence[Path]) -> None:
        """Take out of the batch what is in files already."""
        if files:
            known = parquet_query(files)
            self._run(f"DELETE FROM batch WHERE lid IN (SELECT lid FROM {known} SEMI JOIN batch USING (lid))")  # noqa: S608

    def kept(self) -> tuple[int, int] | None:
        """Return the places of the first and last record of the batch among those loaded; None for none."""
        ((first, last),) = self._run("SELECT min(number), max(number) FROM batch")
        return None if first is None else (int(first), int(last))

    def write(self, path: Path) -> None:
        """Write the batch to a file."""
        self._copy("(SELECT * EXCLUDE (number) FROM batch ORDER BY number)", path)

    def merge(self, files: Sequence[Path], path: Path) -> None:
        """Write what is in files to one file, in their order."""
        # Older versions added the names of the directories to what they merged.
        columns = "COLUMNS(lambda name: name NOT IN ('date', 'hour'))"
        self._copy(f"(SELECT {columns} FROM {parquet_query(files)})", path)  # noqa: S608

    def _copy(self, source: str, path: Path) -> None:
        partial = self._temporary / path.name
        try:
            self._run(f"COPY (FROM {source}) TO {quoted(partial)} (FORMAT parquet, COMPRESSION zstd)")
            _sync(partial)
            _make_directory(path.parent, self._root)
            partial.replace(path)
            _sync(path.parent)
        except OSError as error:
            raise _away(error) from error

    def _count(self) -> int:
        ((count,),) = self._run("SELECT count(*) FROM batch")
        return int(count)

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            found: list[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
        except duckdb.Error as error:
            raise _away(error) from error
        return found


def numbered(records: Sequence[bytes]) -> Iterator[bytes]:
    """Return records with their places, as `json_query` reads them."""
    for number, record in enumerate(records):
        yield b'%b,"number":%d}' % (record[:-1], number)


def json_query(lines: Path) -> str:
    """Return the query that reads records from a file of lines, and their places as `number`."""
    named = [*((column.name, column.json_type) for column in COLUMNS), ("number", "BIGINT")]
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in named)
    values = ", ".join(column.expression for column in COLUMNS)
    return (
        f"SELECT {values}, number FROM read_json({quoted(lines)}, format = 'newline_delimited', "  # noqa: S608
        f"ignore_errors = true, columns = {{{types}}}) WHERE lid IS NOT NULL"
    )


def parquet_query(files: Sequence[Path], *, any_version: bool = True) -> str:
    """Return the table function that reads files of the archive.

    A file that an older version wrote lacks the columns that have come since. With `any_version` they are
    null; else to ask for one raises an error.
    """
    paths = ", ".join(map(quoted, files))
    # Else `date` and `hour` of the directories become columns.
    options = f"union_by_name = {str(any_version).lower()}, hive_partitioning = false"
    return f"read_parquet([{paths}], {options})"


def quoted(text: str | Path) -> str:
    """Return a text as SQL writes it."""
    return "'{}'".format(str(text).replace("'", "''"))


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
