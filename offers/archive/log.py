"""The click log as the archive sees it: how far it is, and the entries behind that.

The archive has a consumer group, so that the log keeps what it needs. One process at a time reads, everything
in its order, so the group only has to know an id: no entry is handed to a consumer, which would cost Redis
three times as much as reading it does.
"""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from lib.redis_replies import optional_bytes
from offers.click_log import scripts
from offers.click_log.groups import RATE_KEPT_SECONDS, entry_of_parts, first_needed, minute_key, number_of
from offers.click_log.stream import ARCHIVE, ARCHIVE_BATCH, ARCHIVE_GROUP, LOG, TOTALS, UPLOAD, ClickLog
from offers.click_log.types import ArchiveStatus, Entry

# Entries of one request of `pages`: they take Redis about 1 ms, and clicks wait for it. They also fit into
# the processor's cache: to read 10,000 at once and make lines of them takes three times as long.
PAGE_ENTRIES = 500
UNKNOWN = -1
LAST_SEQUENCE = 2**64 - 1
# redis-py makes a dictionary of each entry of a command that it knows by name, and it knows texts alone.
XRANGE = b"XRANGE"


class LogEnd(NamedTuple):
    """The newest entry of the log, and how many entries came up to it in the log's whole life."""

    id: bytes
    added: int


class ArchiveBatch(NamedTuple):
    """Entries of the log: the first `most` behind the id `after`, none behind the id `until`.

    In the log's whole life `read` entries came up to `after`, and `added` up to `until`; `UNKNOWN` where
    Redis cannot tell.
    """

    after: str
    until: str
    most: int
    read: int
    added: int


class ArchiveLog:
    """What the archive asks of the log. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._log = ClickLog(redis)
        self.group = self._log.archive
        self._write = redis.register_script(scripts.WRITE)
        self._advance = redis.register_script(scripts.ADVANCE)

    def create(self) -> None:
        """Create the group if it is missing; it begins with the oldest entry."""
        self.group.create()
        group = self.group.find()
        if group is not None and group["pending"]:
            self._take_back()

    def end(self) -> LogEnd:
        """Return where the log ends now."""
        stream = self._redis.xinfo_stream(LOG)
        return LogEnd(stream["last-generated-id"], stream["entries-added"])

    def next_batch(self, most: int, end: LogEnd) -> ArchiveBatch | None:
        """Return the next entries up to `end` that are not archived, `most` of them; None if there are none.

        It is noted where they end, so that after a run that died the next gets the same ones.
        """
        with self._redis.pipeline() as pipe:
            pipe.xinfo_groups(LOG)
            pipe.xinfo_stream(LOG)
            pipe.get(ARCHIVE_BATCH)
            groups, stream, noted = pipe.execute()
        group = next((group for group in groups if group["name"] == ARCHIVE_GROUP.encode()), None)
        if group is None:
            raise ResponseError(f"the log has no {ARCHIVE_GROUP} group any more")
        after, read, first = group["last-delivered-id"], group["entries-read"], stream["first-entry"]
        if first is None or number_of(after) < number_of(first[0]):
            # What came before the first entry that is left has been dropped.
            read = stream["entries-added"] - stream["length"]
        until, added = _noted(optional_bytes(noted))
        if number_of(until) <= number_of(after):
            until, added = end
            if number_of(until) <= number_of(after):
                return None
            self._note_batch(until, added)
        return ArchiveBatch(after.decode(), until.decode(), most, UNKNOWN if read is None else read, added)

    def pages(self, batch: ArchiveBatch) -> Iterator[list[Entry]]:
        """Yield the entries of a batch, in lists of `PAGE_ENTRIES` at most."""
        after, left = batch.after.encode(), batch.most
        while left > 0:
            wanted = min(left, PAGE_ENTRIES)
            found: Any = self._redis.execute_command(  # type: ignore[no-untyped-call]
                XRANGE, LOG, b"(" + after, batch.until, "COUNT", wanted
            )
            if found:
                yield [entry_of_parts(id_, kept) for id_, kept in found]
            if len(found) < wanted:
                return
            after = found[-1][0]
            left -= wanted

    def acknowledge(self, batch: ArchiveBatch, count: int, last: str, unreadable: int) -> None:
        """Go on behind a batch: its `count` entries are archived, up to the id `last`, or `unreadable`."""
        # What is missing of a batch that is not full was dropped from the log.
        is_whole = count < batch.most
        read = UNKNOWN if batch.read == UNKNOWN else batch.read + count
        to, read = (batch.until, batch.added) if is_whole else (last, read)
        minute = minute_key("archived", int(time.time()) // 60)
        is_moved = self._advance(
            keys=[LOG, TOTALS, minute],
            args=[ARCHIVE_GROUP, batch.after, to, read, count, "archived", RATE_KEPT_SECONDS],
        )
        if is_moved and unreadable:
            self._count("archive_unreadable", unreadable)

    def complete_until_ms(self) -> int:
        """Return the time, in milliseconds since the epoch, until which the archive has every entry."""
        # Asked first: what comes in between is younger.
        seconds, microseconds = self._time()
        if not self.group.backlog(self._redis.xlen(LOG)):
            return seconds * 1000 + microseconds // 1000
        return int(first_needed(self._redis, LOG, ARCHIVE_GROUP, alone=True).partition("-")[0])

    def note_write(self, error: str | None) -> None:
        """Record how the last write to the disk went; `error` None means success."""
        self._log.note(ARCHIVE, error)

    def note_upload(self, error: str | None) -> None:
        """Record how the last upload to S3 went; `error` None means success."""
        self._log.note(UPLOAD, error)

    def status(self) -> ArchiveStatus | None:
        """Return how far the archive is; None if there is none."""
        return self._log.archive_status()

    def _take_back(self) -> None:
        """Make a batch of what a consumer of an older version has read and not acknowledged.

        These are the last that it read: it acknowledged all of a batch or nothing.
        """
        pending = self._redis.xpending(LOG, ARCHIVE_GROUP)
        self._note_batch(pending["max"], UNKNOWN)
        self._write(args=["XGROUP", "SETID", LOG, ARCHIVE_GROUP, _before(pending["min"])])
        for consumer in pending["consumers"]:
            self._write(args=["XGROUP", "DELCONSUMER", LOG, ARCHIVE_GROUP, consumer["name"]])

    def _note_batch(self, until: bytes, added: int) -> None:
        self._write(args=["SET", ARCHIVE_BATCH, b"%b %d" % (until, added)])

    def _count(self, counter: str, count: int) -> None:
        self._write(args=["HINCRBY", TOTALS, counter, count])

    def _time(self) -> tuple[int, int]:
        found: Any = self._redis.time()
        return int(found[0]), int(found[1])


def _noted(batch: bytes | None) -> LogEnd:
    """Return the end of the batch that was begun last."""
    if batch is None:
        return LogEnd(b"0-0", 0)
    until, _, added = batch.partition(b" ")
    return LogEnd(until, int(added))


def _before(entry_id: bytes) -> str:
    """Return the greatest id below that of an entry."""
    milliseconds, sequence = number_of(entry_id)
    return f"{milliseconds}-{sequence - 1}" if sequence else f"{milliseconds - 1}-{LAST_SEQUENCE}"
