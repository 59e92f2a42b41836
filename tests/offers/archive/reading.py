"""Clicks for the archive, and what it holds, read as anybody reads it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import redis

from offers.archive.archive import Archived, archive
from offers.archive.lines import lines_of
from offers.archive.log import ArchiveBatch, ArchiveLog
from offers.archive.partitions import all_files
from offers.click_log.types import ArchiveStatus, Entry

HOUR_MS = 3600_000
# 12:00:00 on 2025-11-25, and just before two hours later.
NOON_MS = 1_764_072_000_000
ALMOST_TWO_MS = NOON_MS + 2 * HOUR_MS - 10


def add_at(client: redis.Redis, ms: int, *lids: str, came_ms: int | None = None, **fields: object) -> None:
    """Write clicks into the log as if it was that time; they came then too, unless it is said."""
    for lid in lids:
        record = {"lid": lid, "dateAdded": ms if came_ms is None else came_ms, "ttl": ms // 1000, **fields}
        click = json.dumps(record, separators=(",", ":"))
        client.xadd("clicks", {"click": click, "unique": "1"}, id=f"{ms}-*")


def lines(*records: str) -> list[bytes]:
    """The lines of clicks, as the archive makes them of entries of the log."""
    return [lines_of([Entry("1-0", record.encode(), "") for record in records])]


def run(log: ArchiveLog, root: Path, seconds: float = 60) -> Archived:
    """One run of the archive."""
    return archive(log, root, seconds)


def status(log: ArchiveLog) -> ArchiveStatus:
    """How far it is."""
    found = log.status()
    assert found is not None
    return found


def query(what: str, paths: list[Path]) -> list[tuple[Any, ...]]:
    """Ask for something of files."""
    found: list[tuple[Any, ...]] = (
        duckdb.connect().read_parquet(list(map(str, paths))).project(what).fetchall()
    )
    return found


def lids(root: Path) -> Counter[str]:
    """How often the archive holds each lid."""
    paths = all_files(root)
    return Counter(lid for (lid,) in query("lid", paths)) if paths else Counter()


def names(root: Path) -> list[str]:
    """The files that there are, all of them."""
    return sorted(path.relative_to(root).as_posix() for path in root.glob("date=*/hour=*/*.parquet"))


def read(log: ArchiveLog, batch: ArchiveBatch | None) -> list[Entry]:
    """The entries of a batch."""
    assert batch is not None
    return [entry for page in log.pages(batch) for entry in page]


def pass_over(log: ArchiveLog, most: int) -> int:
    """Acknowledge the next entries, which are written nowhere; returns how many there were."""
    batch = log.next_batch(most, log.end())
    if batch is None:
        return 0
    entries = read(log, batch)
    log.acknowledge(batch, len(entries), entries[-1].id if entries else "", 0)
    return len(entries)
