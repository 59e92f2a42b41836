"""Which visitors were seen already, where several instances share that knowledge in one Redis."""

import asyncio
import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from lib.shared_redis import AWAY, words
from offers.click_log.stream import ASSUMED, SEEN_SECONDS
from offers.spool.types import PendingClick

# After a failure, skip the shared Redis for this long: every batch would wait for its time-out.
REST_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class SharedUniqueness:
    """Asks the shared Redis for whole batches. While it is away every visitor is assumed to be unique."""

    def __init__(self, redis: "Redis | RedisCluster", timeout_seconds: float) -> None:
        self._redis = redis
        self._timeout = timeout_seconds
        self._rests_until = 0.0

    async def mark(self, clicks: list[PendingClick]) -> list[PendingClick]:
        """Return a batch of clicks in the same order, with what is known of their uniqueness."""
        marked = [click for click in clicks if click.mark]
        if not marked:
            return clicks
        if time.monotonic() < self._rests_until:
            firsts: list[bytes | str | None] = [ASSUMED] * len(marked)
        else:
            firsts = await self._first_tags(marked)
        known = iter([_known(click, first) for click, first in zip(marked, firsts, strict=True)])
        return [next(known) if click.mark else click for click in clicks]

    async def _first_tags(self, clicks: Sequence[PendingClick]) -> list[bytes | str | None]:
        """Of each click's visitor the lid tag of the first click, None if this is it."""
        pipe = self._redis.pipeline(transaction=False)
        for click in clicks:
            pipe.set(f"seen:{click.mark}", click.lid_tag, nx=True, get=True, ex=SEEN_SECONDS)
        try:
            async with asyncio.timeout(self._timeout):
                return list(await pipe.execute())
        except AWAY as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            logger.warning("the shared Redis is away, visitors count as unique", problem=words(error))
            return [ASSUMED] * len(clicks)


def _known(click: PendingClick, first: bytes | str | None) -> PendingClick:
    """The click with its uniqueness: `first` is the tag of its visitor's first click, None or `ASSUMED`."""
    if first == ASSUMED:
        return click._replace(unique=ASSUMED)
    return click._replace(unique="1" if first in (None, click.lid_tag) else "0")
