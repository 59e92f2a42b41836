"""Reads the counters of an instance's clicks, as staff see them."""

from typing import Any

import msgspec
from redis import Redis

from offers.stats.types import (
    _SLOWEST,
    BUCKET_SECONDS,
    BUCKETS,
    LATENCY_BOUNDS_MS,
    NEWEST_REFUSALS,
    REFUSALS,
    REFUSED_DAYS,
    WORKERS,
    RefusedClick,
    TimeBucket,
    Worker,
)

# A worker that has published nothing for this long is gone.
WORKER_GONE_SECONDS = 15.0


class StatsReader:
    """Reads an instance's counters for staff. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def buckets(self, now: float, since: float = 0) -> list[TimeBucket]:
        """Return the last hour before `now`, oldest first, without gaps; times in seconds since the epoch.

        Pass `since` to get only the buckets that begin then or later.
        """
        last = int(now) // BUCKET_SECONDS
        first = max(last - BUCKETS + 1, -(-int(since) // BUCKET_SECONDS))
        numbers = range(first, last + 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.hgetall(f"stats:bucket:{number}")
            return [_bucket(number, found) for number, found in zip(numbers, pipe.execute(), strict=True)]

    def refused_by_hour(self, now: float) -> list[tuple[int, dict[str, int]]]:
        """Return refusals by reason, each hour with its start in seconds since the epoch, oldest first.

        The first hour is that in which the first of the last `REFUSED_DAYS` days of UTC begins.
        """
        last = int(now) // 3600
        hours = range((int(now) // 86_400 - REFUSED_DAYS + 1) * 24, last + 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for hour in hours:
                pipe.hgetall(f"stats:refused:{hour}")
            found = pipe.execute()
        return [
            (hour * 3600, {reason.decode(): int(count) for reason, count in refused.items()})
            for hour, refused in zip(hours, found, strict=True)
        ]

    def refusals(self) -> list[RefusedClick]:
        """Return the newest refused clicks, newest first."""
        found: Any = self._redis.lrange(REFUSALS, 0, NEWEST_REFUSALS - 1)
        return [msgspec.json.decode(one, type=RefusedClick) for one in found]

    def workers(self, now: float) -> list[Worker]:
        """Return the web workers that published lately; those that are gone are deleted from Redis."""
        found: Any = self._redis.hgetall(WORKERS)
        workers = [msgspec.json.decode(state, type=Worker) for state in found.values()]
        gone = [worker.name for worker in workers if now - worker.heard_s > WORKER_GONE_SECONDS]
        if gone:
            self._redis.hdel(WORKERS, *gone)
        return sorted((w for w in workers if w.name not in gone), key=lambda worker: worker.since_s)


def _bucket(number: int, found: dict[bytes, bytes]) -> TimeBucket:
    kinds: dict[str, dict[str, int]] = {"type": {}, "refused": {}, "automated": {}, "latency": {}}
    for field, count in found.items():
        kind, _, name = field.decode().partition(":")
        kinds[kind][name] = int(count)
    bounds = (*LATENCY_BOUNDS_MS, _SLOWEST)
    return TimeBucket(
        start=number * BUCKET_SECONDS,
        clicks=sum(kinds["type"].values()),
        redirect_types=kinds["type"],
        refused=kinds["refused"],
        automated=kinds["automated"],
        latency={bounds[int(at)]: count for at, count in kinds["latency"].items()},
    )
