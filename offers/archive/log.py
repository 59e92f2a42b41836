"""The click log as the archive sees it: its own consumer group, and how far it is."""

from collections.abc import Sequence
from typing import Any

from redis import Redis

from offers.click_log import scripts
from offers.click_log.groups import first_needed
from offers.click_log.stream import ARCHIVE, ARCHIVE_GROUP, LOG, TOTALS, UPLOAD, ClickLog
from offers.click_log.types import ArchiveStatus


class ArchiveLog:
    """What the archive asks of the log. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._log = ClickLog(redis)
        self.group = self._log.archive
        self._write = redis.register_script(scripts.WRITE)

    def acknowledge(self, ids: Sequence[str], unreadable: int) -> None:
        """Acknowledge entries that are in the archive, and those `unreadable` that can never be."""
        self.group.acknowledge(TOTALS, "archived", list(ids))
        if unreadable:
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

    def _count(self, counter: str, count: int) -> None:
        self._write(args=["HINCRBY", TOTALS, counter, count])

    def _time(self) -> tuple[int, int]:
        found: Any = self._redis.time()
        return int(found[0]), int(found[1])
