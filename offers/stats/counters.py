"""The pulse of an instance: how many clicks, how fast, sent where, or refused why, and how its workers are.

Every worker counts in its own memory and adds to Redis once a second, so that counting costs a click next to
nothing and the whole takes a bounded room. The only module with these keys of this instance's Redis:

- `pulse:slot:<n>`: counters of the n-th ten seconds since the epoch, kept for an hour.
- `pulse:refused:<n>`: refusals by reason in the n-th hour since the epoch, kept for a day.
- `pulse:refusals`: the newest refused clicks.
- `pulse:workers`: the state of every web worker, by its name.
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
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

PUBLISH_SECONDS = 1.0
SLOT_SECONDS = 10
SLOTS = 360
HOURS = 24
NEWEST_REFUSALS = 100
REFUSALS_KEPT_PER_SECOND = 10
MAX_REDIRECT_TYPES = 40
OTHER = "other"
# A worker that was not heard of for so long is gone.
WORKER_GONE_SECONDS = 15.0
LATENCY_BOUNDS_MS = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 25, 50, 100, 250, 500, 1000)
_SLOWEST = float("inf")

_WORKERS = "pulse:workers"
_REFUSALS = "pulse:refusals"


class Cache(msgspec.Struct, frozen=True):
    """How full a cache is, and how often it was asked; `hits` None: not counted."""

    entries: int
    limit: int
    hits: int | None
    misses: int


class OpenDatabase(msgspec.Struct, frozen=True):
    """A GeoIP database as a worker has it open; `built_s` in seconds since the epoch.

    `database_type` is "" while none is open, and `error` says why the file on the disk is not in use.
    """

    path: str
    database_type: str
    built_s: int
    error: str | None = None


class Worker(msgspec.Struct, frozen=True):
    """One web worker; times in seconds since the epoch, `commits` in clicks."""

    name: str
    pid: int
    since_s: float
    heard_s: float
    clicks: int
    caches: dict[str, Cache]
    commits: dict[str, int]
    databases: list[OpenDatabase] = []


class Refused(msgspec.Struct, frozen=True):
    """One click that found nothing; `at_ms` in milliseconds since the epoch, `token` as it was sent."""

    at_ms: int
    reason: str
    detail: str
    referer: str
    country: str | None
    token: str


class Slot(msgspec.Struct, frozen=True):
    """Ten seconds of the instance, from `start` in seconds since the epoch.

    `latency` counts answers by the upper bound of their time in milliseconds.
    """

    start: int
    clicks: int
    redirect_types: dict[str, int]
    refused: dict[str, int]
    latency: dict[float, int]

    def percentile(self, percent: float) -> float | None:
        """The bound in milliseconds that this share of the answers kept; None without any."""
        wanted, seen = sum(self.latency.values()) * percent / 100, 0
        for bound, count in sorted(self.latency.items()):
            seen += count
            if seen >= wanted:
                return bound
        return None


class Counted(msgspec.Struct):
    """What a worker counted in a while: clicks by redirect type, refusals by reason, answers by their time.

    `latency` has one count for each of `LATENCY_BOUNDS_MS` and one for what took longer; `seconds` is the
    time of all these answers together. `errors` are faults of ours on the short way of a click.
    `old_form` is how many of the clicks had a link of the old form.
    """

    types: dict[str, int] = {}
    refused: dict[str, int] = {}
    latency: list[int] = msgspec.field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_MS) + 1))
    seconds: float = 0.0
    errors: int = 0
    old_form: int = 0

    def add(self, other: "Counted") -> None:
        """Add what was counted in another while."""
        for name, count in other.types.items():
            self.types[name] = self.types.get(name, 0) + count
        for reason, count in other.refused.items():
            self.refused[reason] = self.refused.get(reason, 0) + count
        self.latency = [mine + its for mine, its in zip(self.latency, other.latency, strict=True)]
        self.seconds += other.seconds
        self.errors += other.errors
        self.old_form += other.old_form


class Pulse:
    """One worker's counters. `hearers` are told once a second what has come, whether Redis answers or not."""

    def __init__(
        self,
        describe: Callable[[], tuple[dict[str, Cache], dict[str, int]]],
        databases: Callable[[], list[OpenDatabase]] = list,
    ) -> None:
        self.clicks = 0
        self.describe = describe
        self._databases = databases
        self.hearers: list[Callable[[Counted], object]] = []
        self._since = time.time()
        self._types: dict[str, int] = {}
        self._refused: dict[str, int] = {}
        self._latency = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        self._seconds = 0.0
        self._errors = 0
        self._old_form = 0
        self._unpublished = Counted()
        self._refusals: deque[Refused] = deque(maxlen=REFUSALS_KEPT_PER_SECOND)

    def click(self, redirect_type: str, seconds: float, *, old_form: bool = False) -> None:
        """Count a click that was answered after so many seconds; `old_form` if its link has the old form."""
        self.clicks += 1
        types = self._types
        if redirect_type not in types and len(types) >= MAX_REDIRECT_TYPES:
            redirect_type = OTHER
        types[redirect_type] = types.get(redirect_type, 0) + 1
        self._latency[bisect_left(LATENCY_BOUNDS_MS, seconds * 1000)] += 1
        self._seconds += seconds
        if old_form:
            self._old_form += 1

    def refusal(self, reason: str) -> bool:
        """Count a refusal; gives whether there is room to `keep` it for staff to see."""
        self._refused[reason] = self._refused.get(reason, 0) + 1
        return len(self._refusals) < REFUSALS_KEPT_PER_SECOND

    def error(self) -> bool:
        """Count a fault of ours; gives whether to log it, as the first of a second."""
        self._errors += 1
        return self._errors == 1

    def keep(self, refused: Refused) -> None:
        """Show this refused click to staff."""
        self._refusals.append(refused)

    async def run(self, redis: AsyncRedis) -> None:
        """Publish once a second, until cancelled; what Redis does not take now it gets later."""
        while True:
            await asyncio.sleep(PUBLISH_SECONDS)
            with suppress(RedisError, OSError):
                await self.publish(redis)

    async def publish(self, redis: AsyncRedis) -> None:
        """Add to the instance's counters what has come since the last time. Raises `RedisError`."""
        now = time.time()
        slot, hour = int(now) // SLOT_SECONDS, int(now) // 3600
        self._unpublished.add(self._counted())
        publishing, self._unpublished = self._unpublished, Counted()
        refusals = list(self._refusals)
        self._refusals.clear()
        counted = {f"type:{name}": count for name, count in publishing.types.items()}
        counted |= {f"refused:{reason}": count for reason, count in publishing.refused.items()}
        counted |= {f"latency:{at}": count for at, count in enumerate(publishing.latency) if count}
        try:
            async with redis.pipeline(transaction=False) as pipe:
                self._add(pipe, f"pulse:slot:{slot}", counted, (SLOTS + 1) * SLOT_SECONDS)
                self._add(pipe, f"pulse:refused:{hour}", publishing.refused, (HOURS + 1) * 3600)
                if refusals:
                    pipe.lpush(_REFUSALS, *map(msgspec.json.encode, refusals))
                    pipe.ltrim(_REFUSALS, 0, NEWEST_REFUSALS - 1)
                state = self._state(now)
                pipe.hset(_WORKERS, state.name, msgspec.json.encode(state))
                await pipe.execute()
        except (RedisError, OSError):
            self._unpublished.add(publishing)
            raise

    def _counted(self) -> Counted:
        """What has come since the last time; whoever hears of it has heard of it now."""
        counted = Counted(
            self._types, self._refused, self._latency, self._seconds, self._errors, self._old_form
        )
        self._types, self._refused, self._errors, self._old_form = {}, {}, 0, 0
        self._latency, self._seconds = [0] * len(self._latency), 0.0
        for hear in self.hearers:
            hear(counted)
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


class PulseReader:
    """The pulse as staff see it. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def slots(self, now: float, since: float = 0) -> list[Slot]:
        """The last hour before `now`, oldest first, without gaps; times in seconds since the epoch.

        Who has seen some before asks for those that begin at `since` or later.
        """
        last = int(now) // SLOT_SECONDS
        first = max(last - SLOTS + 1, -(-int(since) // SLOT_SECONDS))
        numbers = range(first, last + 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.hgetall(f"pulse:slot:{number}")
            return [_slot(number, found) for number, found in zip(numbers, pipe.execute(), strict=True)]

    def refused_by_hour(self, now: float) -> list[tuple[int, dict[str, int]]]:
        """The last day's refusals by reason, each hour with its start in seconds since the epoch."""
        last = int(now) // 3600
        hours = range(last - HOURS + 1, last + 1)
        with self._redis.pipeline(transaction=False) as pipe:
            for hour in hours:
                pipe.hgetall(f"pulse:refused:{hour}")
            found = pipe.execute()
        return [
            (hour * 3600, {reason.decode(): int(count) for reason, count in refused.items()})
            for hour, refused in zip(hours, found, strict=True)
        ]

    def refusals(self) -> list[Refused]:
        """The newest refused clicks, newest first."""
        found: Any = self._redis.lrange(_REFUSALS, 0, NEWEST_REFUSALS - 1)
        return [msgspec.json.decode(one, type=Refused) for one in found]

    def workers(self, now: float) -> list[Worker]:
        """The web workers that were heard of within the last seconds; those that are gone are forgotten."""
        found: Any = self._redis.hgetall(_WORKERS)
        workers = [msgspec.json.decode(state, type=Worker) for state in found.values()]
        gone = [worker.name for worker in workers if now - worker.heard_s > WORKER_GONE_SECONDS]
        if gone:
            self._redis.hdel(_WORKERS, *gone)
        return sorted((w for w in workers if w.name not in gone), key=lambda worker: worker.since_s)


def _slot(number: int, found: dict[bytes, bytes]) -> Slot:
    kinds: dict[str, dict[str, int]] = {"type": {}, "refused": {}, "latency": {}}
    for field, count in found.items():
        kind, _, name = field.decode().partition(":")
        kinds[kind][name] = int(count)
    bounds = (*LATENCY_BOUNDS_MS, _SLOWEST)
    return Slot(
        start=number * SLOT_SECONDS,
        clicks=sum(kinds["type"].values()),
        redirect_types=kinds["type"],
        refused=kinds["refused"],
        latency={bounds[int(at)]: count for at, count in kinds["latency"].items()},
    )
