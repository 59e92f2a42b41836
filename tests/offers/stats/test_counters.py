"""What workers count, what becomes of it in Redis, and what staff read there."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from offers.stats.counters import MAX_REDIRECT_TYPES, OTHER, REFUSALS_KEPT_PER_SECOND, WorkerCounters
from offers.stats.reader import WORKER_GONE_SECONDS, StatsReader
from offers.stats.types import (
    BUCKET_SECONDS,
    BUCKETS,
    NEWEST_REFUSALS,
    REFUSAL_BYTES,
    REFUSED_DAYS,
    Cache,
    Counted,
    OpenDatabase,
    RefusedClick,
    TimeBucket,
)
from tests.processes import DEADLINE_SECONDS

CACHE = Cache(entries=3, limit=10, hits=7, misses=3)
CITY = OpenDatabase("/geoip/City.mmdb", "GeoIP2-City", 1_700_000_000)
AWAY = "redis://127.0.0.1:1/0"


def new_counters() -> WorkerCounters:
    return WorkerCounters(lambda: ({"offers": CACHE}, {"committed": 12}), lambda: [CITY])


def publish(url: str, *of_workers: WorkerCounters) -> None:
    async def publish_all() -> None:
        async with AsyncRedis.from_url(url) as connection:
            for counters in of_workers:
                await counters.publish(connection)

    asyncio.run(publish_all())


def totals(client: redis.Redis) -> Counted:
    """Everything of the last hour together."""
    total = Counted()
    for bucket in StatsReader(client).buckets(time.time()):
        total.add(Counted(bucket.redirect_types, bucket.refused))
    return total


def refused(at_ms: int = 1) -> RefusedClick:
    return RefusedClick(at_ms, "bad token", "the token is cut off", "https://blog.example/", "DE", "ab:cd")


def test_workers_add_up(redis_client: redis.Redis, redis_url: str) -> None:
    first, second = new_counters(), new_counters()
    first.click("defaultRedirection", 0.0004)
    second.click("defaultRedirection", 0.002)
    second.click("offerGeoRestriction", 0.002)
    publish(redis_url, first, second)
    assert totals(redis_client).types == {"defaultRedirection": 2, "offerGeoRestriction": 1}


def test_nothing_is_counted_twice(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    counters.click("defaultRedirection", 0.001)
    publish(redis_url, counters, counters)
    assert totals(redis_client).types == {"defaultRedirection": 1}


def test_what_redis_did_not_take_comes_later(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    counters.click("defaultRedirection", 0.001)
    counters.refusal("bad token")
    with pytest.raises(redis.ConnectionError):
        publish(AWAY, counters)
    counters.click("defaultRedirection", 0.001)
    publish(redis_url, counters)
    found = totals(redis_client)
    assert (found.types, found.refused) == ({"defaultRedirection": 2}, {"bad token": 1})


def test_redirect_types_that_nobody_knows_cannot_fill_redis(
    redis_client: redis.Redis, redis_url: str
) -> None:
    counters = new_counters()
    for number in range(MAX_REDIRECT_TYPES + 5):
        counters.click(f"made up {number}", 0.001)
    publish(redis_url, counters)
    types = totals(redis_client).types
    assert len(types) == MAX_REDIRECT_TYPES + 1
    assert types[OTHER] == 5


def test_all_keys_forget_themselves_but_those_that_do_not_grow(
    redis_client: redis.Redis, redis_url: str
) -> None:
    counters = new_counters()
    counters.click("defaultRedirection", 0.001)
    counters.refusal("bad token")
    counters.keep(refused())
    publish(redis_url, counters)
    lasting = {key for key in redis_client.scan_iter("stats:*") if redis_client.ttl(key) == -1}
    assert lasting == {b"stats:refusals", b"stats:workers"}


def test_an_hour_has_every_slot_even_without_clicks(redis_client: redis.Redis) -> None:
    now = 1_800_000_005.0
    buckets = StatsReader(redis_client).buckets(now)
    starts = [bucket.start for bucket in buckets]
    assert starts == list(
        range(1_800_000_000 - (BUCKETS - 1) * BUCKET_SECONDS, 1_800_000_001, BUCKET_SECONDS)
    )
    assert {bucket.clicks for bucket in buckets} == {0}


def test_who_saw_a_slot_before_asks_only_for_later_ones(redis_client: redis.Redis) -> None:
    now = 1_800_000_005.0
    buckets = StatsReader(redis_client).buckets(now, since=1_799_999_990)
    assert [bucket.start for bucket in buckets] == [1_799_999_990, 1_800_000_000]
    assert len(StatsReader(redis_client).buckets(now, since=0)) == BUCKETS


def test_a_slot_knows_its_percentiles(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    for _ in range(99):
        counters.click("defaultRedirection", 0.0004)
    counters.click("defaultRedirection", 2.5)
    publish(redis_url, counters)
    [bucket] = [bucket for bucket in StatsReader(redis_client).buckets(time.time()) if bucket.clicks]
    assert (bucket.percentile(50), bucket.percentile(99)) == (0.5, 0.5)
    assert bucket.percentile(100) == float("inf")


def test_a_slot_without_answers_has_no_percentile() -> None:
    assert TimeBucket(0, 0, {}, {}, {}, {}).percentile(50) is None


def test_refusals_are_counted_by_hour_and_reason(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    counters.refusal("bad token")
    counters.refusal("bad token")
    counters.refusal("unknown offer")
    publish(redis_url, counters)
    now = time.time()
    hours = StatsReader(redis_client).refused_by_hour(now)
    first, last = hours[0][0], hours[-1][0]
    assert (first % 86_400, last) == (0, int(now) // 3600 * 3600)
    assert int(now) // 86_400 - first // 86_400 == REFUSED_DAYS - 1
    counted = [reasons for _, reasons in hours if reasons]
    assert counted == [{"bad token": 2, "unknown offer": 1}]


def test_the_newest_refused_clicks_come_first(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    counters.keep(refused(1))
    counters.keep(refused(2))
    publish(redis_url, counters)
    assert StatsReader(redis_client).refusals() == [refused(2), refused(1)]


def test_a_flood_of_junk_only_raises_a_number(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    shown = 0
    for at in range(1_000):
        if counters.refusal("bad token"):
            counters.keep(refused(at))
            shown += 1
    assert shown == REFUSALS_KEPT_PER_SECOND
    for _ in range(NEWEST_REFUSALS // REFUSALS_KEPT_PER_SECOND + 1):
        for at in range(REFUSALS_KEPT_PER_SECOND):
            counters.keep(refused(at))
        publish(redis_url, counters)
    assert totals(redis_client).refused == {"bad token": 1_000}
    assert len(StatsReader(redis_client).refusals()) == NEWEST_REFUSALS


@pytest.mark.parametrize("text", ["x" * 500, "\u0001" * 500, "\u597d" * 500, '"' * 500])
def test_a_refused_click_that_is_kept_is_bounded_in_bytes(text: str) -> None:
    long = RefusedClick(1, "bad token", text, text, "DE", text, 10**18, 10**18, 10**18)
    assert len(long.encoded()) <= REFUSAL_BYTES
    assert msgspec.json.decode(long.encoded(), type=RefusedClick).affiliate_id == 10**18


def test_a_refused_click_of_usual_length_is_kept_whole() -> None:
    usual = RefusedClick(1, "bad token", "d" * 80, "r" * 500, "DE", "t" * 500)
    assert msgspec.json.decode(usual.encoded(), type=RefusedClick) == usual


def test_a_worker_tells_of_itself(redis_client: redis.Redis, redis_url: str) -> None:
    counters = new_counters()
    counters.click("defaultRedirection", 0.001)
    publish(redis_url, counters)
    [worker] = StatsReader(redis_client).workers(time.time())
    assert (worker.clicks, worker.caches, worker.commits) == (1, {"offers": CACHE}, {"committed": 12})
    assert worker.databases == [CITY]


def test_a_worker_not_heard_of_is_forgotten(redis_client: redis.Redis, redis_url: str) -> None:
    publish(redis_url, new_counters())
    reader = StatsReader(redis_client)
    assert reader.workers(time.time() + WORKER_GONE_SECONDS + 1) == []
    assert redis_client.exists("stats:workers") == 0


def test_observers_get_the_counts_even_while_redis_is_away() -> None:
    counters, heard = new_counters(), list[Counted]()
    counters.observers.append(heard.append)
    counters.click("defaultRedirection", 0.25)
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            publish(AWAY, counters)
    assert [(counted.types, counted.seconds) for counted in heard] == [
        ({"defaultRedirection": 1}, 0.25),
        ({}, 0.0),
    ]


def test_publishing_goes_on_after_redis_was_away(
    redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offers.stats.counters.PUBLISH_SECONDS", 0.01)
    counters = new_counters()
    counters.click("defaultRedirection", 0.001)

    class Flaky:
        """A Redis whose first pipeline fails."""

        def __init__(self, connection: AsyncRedis) -> None:
            self.failures, self._connection = 1, connection

        def pipeline(self, **options: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise redis.ConnectionError("away")
            return self._connection.pipeline(**options)

    async def run_until(done: Callable[[], Awaitable[bool]], connection: AsyncRedis) -> None:
        flaky: Any = Flaky(connection)
        running = asyncio.create_task(counters.run(flaky))
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not await done():
                await asyncio.sleep(0.01)
        running.cancel()

    async def publish_twice() -> None:
        async with AsyncRedis.from_url(redis_url) as connection:

            async def told() -> bool:
                return bool(await connection.exists("stats:workers"))

            await run_until(told, connection)

    asyncio.run(publish_twice())
    assert totals(redis_client).types == {"defaultRedirection": 1}
