"""What becomes of an hour that is over: its files are merged into one, and deleted when they are old."""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from offers.archive.parquet import ClickParquet
from offers.archive.partitions import HOUR_MS, ArchiveFile, Hour, file_name, files, hours

DAY_MS = 24 * HOUR_MS
# The longest that a report, a download, may read the files that it has listed.
LONGEST_READ_SECONDS = 600
# How long merged files stay beside the whole: a report lists its files some time before it reads them.
MERGED_STAY_SECONDS = LONGEST_READ_SECONDS + 120


def over_hours(root: Path, until_ms: int) -> list[Hour]:
    """Return the hours of the archive that are over, when it is complete until `until_ms`."""
    return [hour for hour in hours(root) if hour.end_ms <= until_ms]


def merge(root: Path, parquet: ClickParquet, over: Sequence[Hour]) -> int:
    """Make one file of each hour that is over; returns of how many. Raises `ArchiveAway` and `OSError`.

    What is merged stays for `MERGED_STAY_SECONDS`, since a report may be reading it. `partitions.files` does
    not count it, and a later run deletes it.
    """
    merged = 0
    for hour in over:
        counting, covered = files(root, hour)
        if len(counting) > 1:
            last = max(file.last for file in counting)
            whole = root / hour.folder / file_name(counting[0].first, last)
            parquet.merge([file.path for file in counting], whole)
            merged += 1
        if covered:
            _forget_merged(counting, covered)
    return merged


def _forget_merged(counting: Sequence[ArchiveFile], covered: Sequence[ArchiveFile]) -> None:
    """Delete the files of an hour that another one has covered for `MERGED_STAY_SECONDS`."""
    bound_s = time.time() - MERGED_STAY_SECONDS
    wholes = [file for file in (*counting, *covered) if file.path.stat().st_mtime <= bound_s]
    for file in covered:
        if any(whole.covers(file) for whole in wholes):
            file.path.unlink()


def forget_old(root: Path, days: float, needed: Collection[Hour]) -> int:
    """Delete hours that ended more than `days` ago, but for those still `needed`. Returns how many."""
    bound_ms = time.time() * 1000 - days * DAY_MS
    old = [hour for hour in hours(root) if hour.end_ms <= bound_ms and hour not in needed]
    for hour in old:
        directory = root / hour.folder
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
        with suppress(OSError):
            # It was the last hour of its day.
            directory.parent.rmdir()
    return len(old)
