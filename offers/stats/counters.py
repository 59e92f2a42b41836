"""Counts an instance's clicks: how many, how fast, by redirect type or reason of refusal; and its workers.

Every worker counts in its own memory and adds to Redis once a second, so that counting costs a click next to
nothing and the whole takes bounded room. Keys of this instance's Redis that only `offers/stats/` uses:

- `stats:bucket:<n>`: counters of the n-th ten seconds since the epoch, kept for an hour.
- `stats:refused:<n>`: refusals by reason in the n-th hour since the epoch, kept for eight days.
- `stats:refusals`: the newest refused clicks, `NEWEST_REFUSALS` of at most `REFUSAL_BYTES`.
- `stats:workers`: the state of every web worker, by its name.
"""

import asyncio
import os
import socket
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from lib.cancellation import is_cancelled
from offers.stats.types import (
    BUCKET_SECONDS,
    BUCKETS,
    LATENCY_BOUNDS_MS,
    NEWEST_REFUSALS,
    REFUSALS,
    REFUSED_DAYS,
    WORKERS,
    Cache,
    Counted,
    OpenDatabase,
    RefusedClick,
    Worker,
)

PUBLISH_SECONDS = 1.0
REFUSALS_KEPT_PER_SECOND = 10
MAX_REDIRECT_TYPES = 40
OTHER = "other"


class WorkerCounters:
    """One worker's counters. `observers` are called with the counts once a second, even without Redis."""

    def __init__(
        self,
        describe: Callable[[], tuple[dict[str, Cache], dict[str, int]]],
        databases: Callable[[], list[OpenDatabase]] = list,
    ) -> None:
        self.clicks = 0
        self.describe = describe
        self._databases = databases
        self.observers: list[Callable[[Counted], object]] = []
        self._since = time.time()
        self._types: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        self._automated: dict[str, int] = {}
        self._latency = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        self._seconds = 0.0
        self._errors = 0
        self._old_form = 0
        self._unpublished = Counted()
        self._refusals: deque[RefusedClick] = deque(maxlen=REFUSALS_KEPT_PER_SECOND)

    def click(self, redirect_type: str, seconds: float, *, old_form: bool = False) -> None:
        """Count a click that was answered after `seconds`; `old_form` if its link has the old form."""
        self.clicks += 1
        types = self._types
        if redirect_type not in types and len(types) >= MAX_REDIRECT_TYPES:
            redirect_type = OTHER
        types[redirect_type] = types.get(redirect_type, 0) + 1
        self._latency[bisect_left(LATENCY_BOUNDS_MS, seconds * 1000)] += 1
        self._seconds += seconds
        if old_form:
            self._old_form += 1

    def automated(self, reason: str) -> None:
        """Count a request that no person made, by what made it."""
        self._automated[reason] = self._automated.get(reason, 0) + 1

    def refusal(self, reason: str) -> bool:
        """Count a refusal. Returns whether there is room to `keep` it for staff to see."""
        self._refused[reason] = self._refused.get(reason, 0) + 1
        return len(self._refusals) < REFUSALS_KEPT_PER_SECOND

    def error(self) -> bool:
        """Count an error of ours. Returns whether to log it: the first one of each second."""
        self._errors += 1
        return self._errors == 1

    def keep(self, refused: RefusedClick) -> None:
        """Show this refused click to staff."""
        self._refusals.append(refused)

    async def run(self, redis: AsyncRedis) -> None:
        """Publish once a second until cancelled; what Redis does not take now is published later."""
        while not is_cancelled():
            await asyncio.sleep(PUBLISH_SECONDS)
            with suppress(RedisError, OSError):
                await self.publish(redis)

    async def publish(self, redis: AsyncRedis) -> None:
        """Add the counts since the last call to the instance's. Raises `RedisError`, and keeps them then."""
        now = time.time()
        bucket, hour = int(now) // BUCKET_SECONDS, int(now) // 3600
        self._unpublished.add(self._counted())
        publishing, self._unpublished = self._unpublished, Counted()
        refusals = list(self._refusals)
        self._refusals.clear()
        counted = {f"type:{name}": count for name, count in publishing.types.items()}
        counted |= {f"refused:{reason}": count for reason, count in publishing.refused.items()}
        counted |= {f"automated:{reason}": count for reason, count in publishing.automated.items()}
        counted |= {f"latency:{at}": count for at, count in enumerate(publishing.latency) if count}
        try:
            async with redis.pipeline(transaction=False) as pipe:
                self._add(pipe, f"stats:bucket:{bucket}", counted, (BUCKETS + 1) * BUCKET_SECONDS)
                self._add(pipe, f"stats:refused:{hour}", publishing.refused, (REFUSED_DAYS + 1) * 86_400)
                if refusals:
                    pipe.lpush(REFUSALS, *(refused.encoded() for refused in refusals))
                    pipe.ltrim(REFUSALS, 0, NEWEST_REFUSALS - 1)
                state = self._state(now)
                pipe.hset(WORKERS, state.name, msgspec.json.encode(state))
                await pipe.execute()
        except (RedisError, OSError):
            self._unpublished.add(publishing)
            raise

    def _counted(self) -> Counted:
        """Take the counts since the last call and pass them to the observers."""
        counted = Counted(
            self._types,
            self._refused,
            self._latency,
            self._seconds,
            self._errors,
            self._old_form,
            self._automated,
        )
        self._types, self._refused, self._automated, self._errors, self._old_form = {}, {}, {}, 0, 0
        self._latency, self._seconds = [0] * len(self._latency), 0.0
        for observer in self.observers:
            observer(counted)
        return counted

    @staticmethod
    def _add(pipe: Any, key: str, counted: dict[str, int], seconds: int) -> None:
        for field, count in counted.items():
            pipe.hincrby(key, field, count)
        if counted:
            pipe.expire(key, seconds)

    def _state(self, now: float) -> Worker:
        caches, commits = self.describe()
        pid = os.getpid()
        name = f"{socket.gethostname()}:{pid}"
        return Worker(name, pid, self._since, now, self.clicks, caches, commits, self._databases())
