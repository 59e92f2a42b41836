"""Where clicks are in the archive: `date=2026-11-25/hour=14/<first>_<last>.parquet`, by the log's ids.

A click belongs to the hour in which it was written to the log, in UTC. Ids only grow, so an hour that is over
gets no more clicks, and a batch that is written again after a crash gets the same name.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

HOUR_MS = 3600_000
SUFFIX = ".parquet"
_FILE = re.compile(rf"(\d+)-(\d+)_(\d+)-(\d+){re.escape(SUFFIX)}")
_DAY = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
_HOUR = re.compile(r"hour=(\d{2})")


class EntryId(NamedTuple):
    """The id of an entry of the log: its millisecond, and its number in that millisecond."""

    ms: int
    sequence: int

    @classmethod
    def read(cls, text: str) -> "EntryId":
        """Read an id as Redis writes it."""
        ms, _, sequence = text.partition("-")
        return cls(int(ms), int(sequence))

    def __str__(self) -> str:
        return f"{self.ms}-{self.sequence}"


class ArchiveFile(NamedTuple):
    """A file of clicks: those that the log had between two ids, both included."""

    first: EntryId
    last: EntryId
    path: Path

    def covers(self, other: "ArchiveFile") -> bool:
        """Whether this file holds all that another one does, because it was made of it and others."""
        return self.path != other.path and self.first <= other.first and other.last <= self.last


class Hour(NamedTuple):
    """An hour since the epoch, in UTC."""

    number: int

    @classmethod
    def of(cls, ms: int) -> "Hour":
        """Return the hour of a time in milliseconds since the epoch."""
        return cls(ms // HOUR_MS)

    @property
    def end_ms(self) -> int:
        """When it is over, in milliseconds since the epoch."""
        return (self.number + 1) * HOUR_MS

    @property
    def folder(self) -> str:
        """Its directory in the archive, as Hive, Athena, Spark and DuckDB name partitions."""
        start = datetime.fromtimestamp(self.number * HOUR_MS / 1000, UTC)
        return f"date={start:%Y-%m-%d}/hour={start:%H}"


def file_name(first: EntryId, last: EntryId) -> str:
    """Return the name of the file with the clicks between two ids."""
    return f"{first}_{last}{SUFFIX}"


def hours(root: Path) -> list[Hour]:
    """Return the hours of which the archive has a directory, the oldest first."""
    found = []
    for day in _names(root):
        if (date := _DAY.fullmatch(day)) is None:
            continue
        try:
            midnight = datetime.fromisoformat(date[1]).replace(tzinfo=UTC)
        except ValueError:
            continue
        first = Hour.of(int(midnight.timestamp()) * 1000).number
        matches = map(_HOUR.fullmatch, _names(root / day))
        found += [Hour(first + int(match[1])) for match in matches if match]
    return sorted(found)


def files(root: Path, hour: Hour) -> tuple[list[ArchiveFile], list[ArchiveFile]]:
    """Return the files of an hour, the oldest first: those that count, and those merged into others.

    The second stay for a while after a merge, for those who read them.
    """
    found = sorted(_read(root / hour.folder))
    counting = [file for file in found if not any(other.covers(file) for other in found)]
    return counting, [file for file in found if file not in counting]


def all_files(root: Path) -> list[Path]:
    """Return every file that counts: together they hold each click once."""
    return [file.path for hour in hours(root) for file in files(root, hour)[0]]


def size(root: Path) -> tuple[int, int]:
    """Return the number of files in the archive, and their bytes."""
    found = []
    for path in all_files(root):
        # The archive may delete an old hour meanwhile.
        with suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return len(found), sum(found)


def _read(directory: Path) -> Iterator[ArchiveFile]:
    for name in _names(directory):
        if match := _FILE.fullmatch(name):
            numbers = [int(part) for part in match.groups()]
            yield ArchiveFile(EntryId(*numbers[:2]), EntryId(*numbers[2:]), directory / name)


def _names(directory: Path) -> list[str]:
    """Return what is in a directory: none if there is none. `Path.glob` takes ten times as long."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
