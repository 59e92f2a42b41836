"""Which visitors were seen already, where several instances share that knowledge in one Redis."""

import asyncio
import time
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster

from lib.shared_redis import AWAY, words
from offers.click_log.stream import ARGUMENTS_PER_CLICK, ASSUMED, LID_TAG, SEEN_SECONDS

# For so long after a failure it is not asked again: every batch would wait for it in vain.
REST_SECONDS = 1.0
MARK, UNIQUE = 1, 2

logger = structlog.stdlib.get_logger(__name__)


class SharedUniqueness:
    """Asks the shared Redis for whole batches. While it is away every visitor is assumed to be unique."""

    def __init__(self, redis: "Redis | RedisCluster", timeout_seconds: float) -> None:
        self._redis = redis
        self._timeout = timeout_seconds
        self._rests_until = 0.0

    async def mark(self, clicks: list[str | bytes]) -> None:
        """Fill in what is known of the uniqueness of a batch of clicks, given as the log's arguments."""
        context = [at for at in range(0, len(clicks), ARGUMENTS_PER_CLICK) if clicks[at + MARK]]
        if not context:
            return
        if time.monotonic() < self._rests_until:
            firsts: list[bytes | str | None] = [ASSUMED] * len(context)
        else:
            firsts = await self._first_lids(clicks, context)
        for at, first in zip(context, firsts, strict=True):
            if first == ASSUMED:
                clicks[at + UNIQUE] = ASSUMED
            else:
                clicks[at + UNIQUE] = "1" if first in (None, _tag(clicks, at)) else "0"

    async def _first_lids(self, clicks: list[str | bytes], context: list[int]) -> list[bytes | str | None]:
        """Of each click's visitor the mark of the first click, None if this is it."""
        pipe = self._redis.pipeline(transaction=False)
        for at in context:
            mark, tag = cast(str, clicks[at + MARK]), _tag(clicks, at)
            pipe.set(f"seen:{mark}", tag, nx=True, get=True, ex=SEEN_SECONDS)
        try:
            async with asyncio.timeout(self._timeout):
                return list(await pipe.execute())
        except AWAY as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            logger.warning("the shared Redis is away, visitors count as unique", problem=words(error))
            return [ASSUMED] * len(context)


def _tag(clicks: list[str | bytes], at: int) -> bytes:
    return cast(bytes, clicks[at])[LID_TAG]
