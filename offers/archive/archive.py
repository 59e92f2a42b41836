"""The archive: every click of the log, once, as Parquet by the hour. One process of an instance writes it.

Where a batch of the log ends is noted before it is written, and the archive goes on behind it when its files
are on the disk. So a run that dies leaves it to the next, which writes the same files once more.
"""

import fcntl
import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from offers.archive.bucket import ArchiveBucket, BucketAway, not_uploaded
from offers.archive.hours import forget_old, merge, over_hours
from offers.archive.lines import lines_of
from offers.archive.log import ArchiveLog, LogEnd
from offers.archive.parquet import ArchiveAway, ClickParquet
from offers.archive.partitions import EntryId, Hour, file_name, files, hours
from offers.click_log.types import Entry

# One file, and most of what DuckDB may use of a worker's memory.
BATCH_CLICKS = 10_000

logger = structlog.stdlib.get_logger(__name__)


class Archived(NamedTuple):
    """What a run did: entries acknowledged, hours merged, hours sent to S3."""

    clicks: int = 0
    merged: int = 0
    uploaded: int = 0


def archive(
    log: ArchiveLog,
    root: Path,
    seconds: float,
    bucket: ArchiveBucket | None = None,
    *,
    is_end: bool = False,
) -> Archived:
    """Write what is in the log to the archive, merge the hours that are over, and send them to S3.

    `is_end`: the instance stops, and its disk may go with it. The hour that goes on is treated as if it was
    over; if it does go on, its object in S3 is replaced later.

    Begins nothing new after `seconds`, and nothing at all while another process does it. A disk, S3 or Redis
    that is away raises nothing: what is not written stays in the log, what is not sent on the disk.
    """
    deadline = time.monotonic() + seconds
    done = Archived()
    try:
        log.create()
        with _alone(root) as is_alone:
            if not is_alone:
                return done
            with ClickParquet(root) as parquet:
                # No further than the log reaches now: what comes meanwhile would make a small file each time.
                writer = _Writer(log, log.end(), root, parquet)
                while time.monotonic() < deadline and (written := writer.write_batch()) is not None:
                    done = done._replace(clicks=done.clicks + written)
                over = hours(root) if is_end else over_hours(root, log.complete_until_ms())
                done = done._replace(merged=merge(root, parquet, over))
            log.note_write(None)
            done = done._replace(uploaded=_upload(log, root, bucket, over, deadline))
            forget_old(root, settings.CLICK_ARCHIVE_DAYS, not_uploaded(root, over) if bucket else ())
    except (ArchiveAway, OSError) as error:
        problem = str(error)
        logger.warning("clicks are not archived, they stay in the log", problem=problem)
        with suppress(RedisError):
            log.note_write(problem)
    except RedisError as error:
        logger.warning("clicks are not archived, Redis is away", problem=f"{error}; check REDIS_URL")
    return done


def _upload(
    log: ArchiveLog, root: Path, bucket: ArchiveBucket | None, over: Sequence[Hour], deadline: float
) -> int:
    """Send the hours that S3 lacks; returns how many were sent."""
    sent = 0
    if bucket is None:
        return sent
    try:
        for hour in not_uploaded(root, over):
            if time.monotonic() >= deadline:
                break
            bucket.upload(root, hour)
            sent += 1
        log.note_upload(None)
    except BucketAway as error:
        logger.warning("the archive is not in S3 yet", problem=str(error))
        log.note_upload(str(error))
    return sent


class _Writer:
    """Writes batches of the log, up to its `end`."""

    def __init__(self, log: ArchiveLog, end: LogEnd, root: Path, parquet: ClickParquet) -> None:
        self._log = log
        self._end = end
        self._root = root
        self._parquet = parquet

    def write_batch(self) -> int | None:
        """Write the next clicks; returns how many entries were acknowledged, None if there are no more."""
        batch = self._log.next_batch(BATCH_CLICKS, self._end)
        if batch is None:
            return None
        pages = self._log.pages(batch)
        by_hour = groupby((part for page in pages for part in split_by_hour(page)), itemgetter(0))
        written: list[str] = []
        unreadable = 0
        for hour, parts in by_hour:
            ids, readable = self._write_hour(hour, (entries for _, entries in parts))
            written += ids
            unreadable += len(ids) - readable
        if unreadable:
            logger.error("entries of the log are no clicks and not archived", count=unreadable)
        self._log.acknowledge(batch, len(written), written[-1] if written else "", unreadable)
        return len(written)

    def _write_hour(self, hour: Hour, pages: Iterable[Sequence[Entry]]) -> tuple[list[str], int]:
        """Write the clicks of one hour to a file; returns the ids of the entries, and how many are clicks."""
        ids: list[str] = []
        readable = self._parquet.load(_lines(pages, ids))
        if readable:
            self._parquet.forget_known(self._files_since(self._parquet.batch.earliest_ms, ids))
        if (batch := self._parquet.batch).clicks:
            name = file_name(EntryId.read(ids[batch.first]), EntryId.read(ids[batch.last]))
            self._parquet.write(self._root / hour.folder / name)
        return ids, readable

    def _files_since(self, ms: int, ids: Sequence[str]) -> list[Path]:
        """Return the files that may hold a click of a batch: it came twice, through the log and the spool.

        A click is not in the log before it came. Files of this batch, from a run that died, do not count.
        """
        first, last = EntryId.read(ids[0]), EntryId.read(ids[-1])
        late = [hour for hour in hours(self._root) if hour.end_ms > ms]
        found = [file for hour in late for file in files(self._root, hour)[0] if file.last.ms >= ms]
        return [file.path for file in found if not (first <= file.first and file.last <= last)]


def split_by_hour(entries: Sequence[Entry]) -> Iterator[tuple[Hour, Sequence[Entry]]]:
    """Yield the entries of each hour. Ids only grow, so few of them have to be read."""
    at = 0
    while at < len(entries):
        hour = Hour.of(_ms(entries[at]))
        end = bisect_left(entries, hour.end_ms, at, key=_ms)
        yield hour, entries[at:end]
        at = end


def _ms(entry: Entry) -> int:
    return EntryId.read(entry.id).ms


def _lines(pages: Iterable[Sequence[Entry]], ids: list[str]) -> Iterator[bytes]:
    """Yield the lines of entries, page by page, so that one is in memory at a time, and add their `ids`."""
    for entries in pages:
        yield lines_of(entries, len(ids))
        ids += [entry.id for entry in entries]


@contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Whether no other process writes to the archive. The kernel forgets the lock of a process that dies."""
    root.mkdir(parents=True, exist_ok=True)
    number = os.open(root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(number)
