"""What an instance does last: the spool goes into the click log, and the log to DynamoDB.

Web workers replay the spool for as long as they live, but one that stopped while it took Redis for away has
left a file behind, for which a container whose disk goes with it has no next start.
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

# Spooled clicks that go into the log before it is delivered: where the time is short and the spool long, what
# counts is what DynamoDB has at the end.
REPLAYED_TOGETHER = 10_000

logger = structlog.stdlib.get_logger(__name__)


class Drained(NamedTuple):
    """What a drain came to, in clicks: `replayed` went into the log, the others left it."""

    replayed: int = 0
    delivered: int = 0
    dead_letters: int = 0

    def plus(self, replayed: int, delivered: Delivered) -> "Drained":
        """This, and what came after it."""
        return Drained(
            self.replayed + replayed,
            self.delivered + delivered.delivered,
            self.dead_letters + delivered.dead_letters,
        )


def drain(log: ClickLog, table: ClickTable, spool: Spool, seconds: float) -> Drained:
    """Replay what dead processes left in the spool and deliver the log, for `seconds` at most.

    As with `deliver`, a request's time-out may come on top. Raises `RedisError` where there is something to
    replay and Redis is away; whatever is not done then or when the time is up stays where it is.
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
    """Move the next clicks of the spool into the log; returns how many, and whether these were the last."""
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
