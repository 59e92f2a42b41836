"""Who was seen before: on this instance, and on those that share a Redis with it."""

import asyncio
from pathlib import Path

import redis

from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.click_log.stream import LOG
from tests.offers.builders import campaign
from tests.offers.writing import logged, some_click, url_of, writing, written
from tests.processes import wait_until


def test_a_visitor_is_unique_once_a_day_on_a_campaign(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            for lid, query, on in (
                ("the first", b"", 1),
                ("again", b"", 1),
                ("elsewhere", b"", 2),
                ("unasked", b"fp=disabled", 3),
            ):
                await written(writer, some_click(lid, query, a_campaign=campaign(on)))

    asyncio.run(scenario())
    assert logged(redis_client) == {"the first": "1", "again": "0", "elsewhere": "1", "unasked": ""}
    lifetimes = [redis_client.ttl(key) for key in redis_client.scan_iter("seen:*")]
    assert len(lifetimes) == 2
    assert all(86_390 < seconds <= 86_400 for seconds in lifetimes)


def test_a_click_that_is_written_twice_stays_unique(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            for _ in range(2):
                await written(writer, some_click())

    asyncio.run(scenario())
    entries = redis_client.xrange(LOG)
    assert entries is not None
    assert [kept[b"unique"] for _, kept in entries if kept] == [b"1", b"1"]


def test_instances_that_share_a_redis_share_who_was_seen(
    redis_client: redis.Redis, redis_url: str, other_redis: Service, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with (
            writing(redis_url, tmp_path / "here", url_of(other_redis)) as here,
            writing(url_of(other_redis), tmp_path / "there", url_of(other_redis)) as there,
        ):
            await written(here, some_click("seen here"))
            await written(there, some_click("seen there"))
            await written(there, some_click("unasked", b"fp=disabled"))

    asyncio.run(scenario())
    assert logged(redis_client) == {"seen here": "1"}
    with redis.Redis.from_url(url_of(other_redis)) as client:
        assert logged(client) == {"seen there": "0", "unasked": ""}


def test_what_instances_share_may_be_a_cluster(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    # Nodes speak to each other 10,000 ports higher unless told otherwise, where somebody else may be.
    clustered = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    command = [*valkey_command(port, tmp_path), *clustered]

    async def scenario() -> None:
        async with writing(redis_url, tmp_path / "spool", f"redis+cluster://{LOCALHOST}:{port}") as writer:
            # Their keys lie in different parts of a cluster.
            for lid, number in (("first", 1), ("second", 2), ("third", 3), ("fourth", 1)):
                await written(writer, some_click(lid, a_campaign=campaign(number)))

    with Service("cluster", command, port, valkey_answers), redis.Redis(LOCALHOST, port) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"), what="the cluster")
        asyncio.run(scenario())
        assert node.dbsize() == 3
    assert logged(redis_client) == {"first": "1", "second": "1", "third": "1", "fourth": "0"}


def test_while_the_shared_redis_is_away_a_visitor_is_assumed_to_be_unique(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    nowhere = f"redis://{LOCALHOST}:{free_port()}/0"

    async def scenario() -> None:
        async with writing(redis_url, tmp_path, nowhere) as writer:
            await written(writer, some_click("a"))
            await written(writer, some_click("b"))
            assert writer.counts.spooled == 0

    asyncio.run(scenario())
    assert logged(redis_client) == {"a": "assumed", "b": "assumed"}
