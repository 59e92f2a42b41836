"""The archive: every click of the log, once, as Parquet by the hour. One process of an instance writes it.

A batch is what the group has read and not acknowledged. It is acknowledged when its files are on the disk, so
a run that dies leaves it to the next, which writes the same files once more.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from offers.archive.bucket import ArchiveBucket, BucketAway, not_uploaded
from offers.archive.hours import forget_old, merge, over_hours
from offers.archive.log import ArchiveLog
from offers.archive.parquet import ArchiveAway, ClickParquet
from offers.archive.partitions import EntryId, Hour, file_name, files, hours
from offers.click_log.stream import ASSUMED
from offers.click_log.types import Entry

# About 30 MB of a worker's memory, and one file.
BATCH_CLICKS = 10_000
# All runs share one name, so that the next run writes what a dead one has left.
CONSUMER = "archive"
UNIQUE = {"1": b',"isUniqueVisit":true}', "0": b',"isUniqueVisit":false}'}
UNIQUE[ASSUMED] = b',"isUniqueVisit":true,"isUniqueVisitAssumed":true}'

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
        log.group.create()
        with _alone(root) as is_alone:
            if not is_alone:
                return done
            with ClickParquet(root) as parquet:
                writer = _Writer(log, root, parquet)
                while time.monotonic() < deadline and (written := writer.write_batch()):
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
    """Writes batches of the log."""

    def __init__(self, log: ArchiveLog, root: Path, parquet: ClickParquet) -> None:
        self._log = log
        self._root = root
        self._parquet = parquet

    def write_batch(self) -> int:
        """Write the next clicks; returns how many entries were acknowledged, 0 when the log has no more."""
        group = self._log.group
        entries = group.read_own(CONSUMER, BATCH_CLICKS) or group.read_new(CONSUMER, BATCH_CLICKS)
        if not entries:
            return 0
        unreadable = 0
        for hour, of_hour in groupby(entries, lambda entry: Hour.of(EntryId.read(entry.id).ms)):
            unreadable += self._write_hour(hour, list(of_hour))
        if unreadable:
            logger.error("entries of the log are no clicks and not archived", count=unreadable)
        self._log.acknowledge([entry.id for entry in entries], unreadable)
        return len(entries)

    def _write_hour(self, hour: Hour, entries: Sequence[Entry]) -> int:
        """Write the clicks of one hour to a file; returns how many entries are none."""
        lines = [entry for entry in entries if b"\n" not in entry.click and entry.click[-1:] == b"}"]
        readable = self._parquet.load([record_of(entry) for entry in lines])
        ids = [EntryId.read(entry.id) for entry in lines]
        if readable:
            self._parquet.forget_known(self._files_since(self._parquet.earliest_ms(), ids))
        if (kept := self._parquet.kept()) is not None:
            first, last = kept
            self._parquet.write(self._root / hour.folder / file_name(ids[first], ids[last]))
        return len(entries) - readable

    def _files_since(self, ms: int, ids: Sequence[EntryId]) -> list[Path]:
        """Return the files that may hold a click of a batch: it came twice, through the log and the spool.

        A click is not in the log before it came. Files of this batch, from a run that died, do not count.
        """
        first, last = ids[0], ids[-1]
        late = [hour for hour in hours(self._root) if hour.end_ms > ms]
        found = [file for hour in late for file in files(self._root, hour)[0] if file.last.ms >= ms]
        return [file.path for file in found if not (first <= file.first and file.last <= last)]


def record_of(entry: Entry) -> bytes:
    """Return the record of an entry of the log, with its uniqueness, as JSON in one line."""
    return entry.click[:-1] + UNIQUE.get(entry.unique, b"}")


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
