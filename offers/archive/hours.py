"""What becomes of an hour that is over: its files are merged into one, and deleted when they are old."""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from offers.archive.parquet import ClickParquet
from offers.archive.partitions import HOUR_MS, Hour, file_name, files, hours

DAY_MS = 24 * HOUR_MS


def over_hours(root: Path, until_ms: int) -> list[Hour]:
    """Return the hours of the archive that are over, when it is complete until `until_ms`."""
    return [hour for hour in hours(root) if hour.end_ms <= until_ms]


def merge(root: Path, parquet: ClickParquet, over: Sequence[Hour]) -> int:
    """Make one file of each hour that is over; returns of how many. Raises `ArchiveAway` and `OSError`.

    What is merged is deleted afterwards. If a process ends between the two, `partitions.files` does not count
    it, and the next run deletes it.
    """
    merged = 0
    for hour in over:
        counting, covered = files(root, hour)
        if len(counting) > 1:
            last = max(file.last for file in counting)
            whole = root / hour.folder / file_name(counting[0].first, last)
            parquet.merge([file.path for file in counting], whole)
            covered += counting
            merged += 1
        for file in covered:
            file.path.unlink()
    return merged


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
