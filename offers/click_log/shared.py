"""Asks the Redis that instances share about a batch of clicks, in one round trip.

It knows which visitors were seen already, and what live caps have counted.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from lib.shared_redis import AWAY, words
from offers.click_log.stream import ASSUMED, SEEN_SECONDS
from offers.live_caps.counts import CountRow
from offers.live_caps.store import add_to
from offers.spool.types import PendingClick

# After a failure, skip the shared Redis for this long: every batch would wait for its time-out.
REST_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class SharedReply(NamedTuple):
    """A batch of clicks with their uniqueness, and the live counts after it.

    `totals` is None if nothing was counted.
    """

    clicks: list[PendingClick]
    totals: list[int] | None


class SharedBatches:
    """Asks the shared Redis once per batch. While it is away, every visitor is assumed to be unique."""

    def __init__(self, redis: "Redis | RedisCluster", timeout_seconds: float) -> None:
        self.redis = redis
        self._timeout = timeout_seconds
        self._rests_until = 0.0
        # The number of clicks whose visitors were assumed to be unique.
        self.assumed = 0

    async def ask(self, clicks: list[PendingClick], rows: Sequence[CountRow]) -> SharedReply:
        """Mark the visitors of a batch as seen, and add its clicks to the live counts."""
        marked = [click for click in clicks if click.mark]
        if not marked and not rows:
            return SharedReply(clicks, None)
        if time.monotonic() < self._rests_until:
            replies = None
        else:
            replies = await self._replies(marked, rows)
        if replies is None:
            self.assumed += len(marked)
        firsts = [ASSUMED] * len(marked) if replies is None else replies[: len(marked)]
        known = iter([_known(click, first) for click, first in zip(marked, firsts, strict=True)])
        totals = None if replies is None else replies[len(marked) : len(marked) + len(rows)]
        return SharedReply([next(known) if click.mark else click for click in clicks], totals)

    async def _replies(self, clicks: Sequence[PendingClick], rows: Sequence[CountRow]) -> list[Any] | None:
        """Return the lid tag of each visitor's first click (None: it is this one), then each count.

        None if the shared Redis is away.
        """
        pipe = self.redis.pipeline(transaction=False)
        for click in clicks:
            pipe.set(f"seen:{click.mark}", click.lid_tag, nx=True, get=True, ex=SEEN_SECONDS)
        add_to(pipe, rows)
        try:
            async with asyncio.timeout(self._timeout):
                replies = list(await pipe.execute())
        except AWAY as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            logger.warning("the shared Redis is away, visitors count as unique", problem=words(error))
            return None
        self._rests_until = 0.0
        return replies


def _known(click: PendingClick, first: bytes | str | None) -> PendingClick:
    """Return the click with its uniqueness; `first` is as in `_replies`, or `ASSUMED`."""
    if first == ASSUMED:
        return click._replace(unique=ASSUMED)
    return click._replace(unique="1" if first in (None, click.lid_tag) else "0")
