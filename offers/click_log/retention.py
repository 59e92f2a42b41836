"""Limits what stays in Redis after delivery: delivered clicks, and dead letters."""

from typing import NamedTuple

import structlog
from django.conf import settings

from lib.redis_memory import MemoryUse
from offers.click_log import scripts
from offers.click_log.stream import DEAD, DEAD_CONVERSIONS, LOG, TOTALS, WEIGHED, ClickLog

# Redis takes ten milliseconds to weigh 100,000 clicks, so they are not weighed each time.
WEIGH_SECONDS = 60
# Delivered clicks are trimmed before Redis is so full that new ones go to the spool.
TRIM_EARLIER_PERCENT = 10.0

logger = structlog.stdlib.get_logger(__name__)


class Limits(NamedTuple):
    """The most that may stay: delivered clicks, dead letters of each kind, and the bytes of both.

    `memory_percent` is the share of its memory that Redis may use before delivered clicks are trimmed.
    """

    clicks: int
    click_bytes: int
    dead_letters: int
    dead_letter_bytes: int
    memory_percent: float


def limits() -> Limits:
    """Return the limits in the settings."""
    return Limits(
        settings.CLICK_LOG_KEEP,
        settings.CLICK_LOG_KEEP_BYTES,
        settings.DEAD_LETTERS_KEEP,
        settings.DEAD_LETTERS_KEEP_BYTES,
        settings.CLICK_LOG_MEMORY_PERCENT - TRIM_EARLIER_PERCENT,
    )


class Retention:
    """Keeps a click log within its limits. Every method raises `RedisError` while Redis is away."""

    def __init__(self, log: ClickLog, of: Limits) -> None:
        self._log = log
        self._redis = log.redis
        self._of = of
        self._drop_oldest = log.redis.register_script(scripts.DROP_OLDEST)
        self._write = log.redis.register_script(scripts.WRITE)

    def tidy(self) -> None:
        """Trim delivered clicks and drop dead letters beyond the limits.

        Undelivered clicks always stay. Bytes are checked once a minute.
        """
        self._log.trim(self._of.clicks)
        while self._is_memory_short() and self._log.trim(0):
            pass
        # A disk that is full must not take the room of new clicks: DynamoDB has what the archive misses then.
        while self._is_memory_short() and (dropped := self._log.drop_unarchived()):
            logger.error("clicks were dropped before they were archived, Redis is full", count=dropped)
        if self._write(args=["SET", WEIGHED, "", "NX", "EX", WEIGH_SECONDS]):
            self.weigh()

    def weigh(self) -> None:
        """Apply the limits in bytes, and those on dead letters."""
        keep = self._within(LOG, self._of.clicks, self._of.click_bytes)
        while self._log.trim(keep):
            pass
        for stream, name in ((DEAD, "clicks"), (DEAD_CONVERSIONS, "conversions")):
            self._drop_dead_letters(stream, name)

    def _drop_dead_letters(self, stream: str, name: str) -> None:
        keep = self._within(stream, self._of.dead_letters, self._of.dead_letter_bytes)
        counter = "dead_dropped" if stream == DEAD else "dead_conversions_dropped"
        if dropped := int(self._drop_oldest(keys=[stream, TOTALS], args=[keep, counter])):
            logger.error("dead letters were dropped, there are too many", of=name, count=dropped)

    def _within(self, stream: str, most: int, most_bytes: int) -> int:
        """Return how many entries of a stream may stay, by number and by weight."""
        length = self._redis.xlen(stream)
        if not length or length > most:
            # The number first: weighing a stream that is far too long takes long.
            return most
        weight = self._redis.memory_usage(stream, samples=0)
        return min(most, length * most_bytes // max(weight or 0, most_bytes))

    def _is_memory_short(self) -> bool:
        found = self._redis.info("memory")
        return MemoryUse(found["used_memory"], found["maxmemory"]).percent > self._of.memory_percent
