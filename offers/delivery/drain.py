"""Empties an instance that is about to end: the spool into the click log, and the log to DynamoDB.

Web workers replay the spool as long as they live. One that stops while Redis seems to be away leaves a file
behind, and the disk of a container may be gone before the next start.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import structlog
from redis.exceptions import OutOfMemoryError

from offers.click_log.stream import ClickLog
from offers.delivery.deliver import Delivered, consumer_name, deliver
from offers.delivery.dynamodb import ClickTable
from offers.spool.replay import Part, parts
from offers.spool.spool import Spool

# Spooled clicks replayed between two deliveries: if the time does not suffice for a long spool, as many
# clicks as possible have still reached DynamoDB.
REPLAYED_TOGETHER = 10_000

logger = structlog.stdlib.get_logger(__name__)


class Drained(NamedTuple):
    """The outcome of a drain, in clicks: `replayed` went into the log, the others left it."""

    replayed: int = 0
    delivered: int = 0
    dead_letters: int = 0

    def plus(self, replayed: int, delivered: Delivered) -> "Drained":
        """Return the sum of this and a further step."""
        return Drained(
            self.replayed + replayed,
            self.delivered + delivered.delivered,
            self.dead_letters + delivered.dead_letters,
        )


def drain(log: ClickLog, table: ClickTable, spool: Spool, seconds: float) -> Drained:
    """Replay dead processes' spool and deliver the log, for at most `seconds` plus one request time-out.

    Raises `RedisError` if there are clicks to replay and Redis is away. Clicks that were not moved stay where
    they are.
    """
    deadline = time.monotonic() + seconds
    waiting = parts(spool)
    done = Drained()
    while True:
        is_full = False
        try:
            replayed, is_spool_empty = _replay(log, waiting, deadline)
        except (OSError, OutOfMemoryError) as error:
            # Neither a bad disk nor a full Redis must keep the log from being delivered.
            logger.warning("the spool is not replayed yet", problem=str(error))
            is_full = isinstance(error, OutOfMemoryError)
            replayed, is_spool_empty = 0, not is_full
            waiting = parts(spool)
        delivered = deliver(log, table, consumer_name(), deadline - time.monotonic())
        done = done.plus(replayed, delivered)
        is_stuck = is_full and not (delivered.delivered or delivered.dead_letters)
        if is_spool_empty or is_stuck or time.monotonic() >= deadline:
            return done


def _replay(log: ClickLog, waiting: Iterator[Part], deadline: float) -> tuple[int, bool]:
    """Move the next clicks of the spool into the log. Returns how many, and whether these were the last."""
    replayed = 0
    while replayed < REPLAYED_TOGETHER and time.monotonic() < deadline:
        part = next(waiting, None)
        if part is None:
            return replayed, True
        if part.clicks:
            log.append(part.clicks)
        for line in part.broken:
            log.dead_letter_line(line)
        replayed += len(part.clicks)
    return replayed, False
