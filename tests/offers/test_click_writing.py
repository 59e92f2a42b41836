"""Writing clicks down: when `write` is done a click is in the log, or on the disk, or was counted as lost."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from devstack.services import LOCALHOST, Service, free_port, free_ports, valkey_answers, valkey_command
from offers.click_log import CONVERSIONS, LOG, ClickLog
from offers.click_record import Click
from offers.clicks import ClickWriter
from offers.log_connection import LogConnection
from offers.seen import SharedSeen, open_shared
from offers.spool import Spool
from tests.offers.builders import NOW_MS, asked, campaign, decided, offer, visitor
from tests.processes import wait_until

# So long that none but a Redis that is away or hangs sends a click to the spool, however busy the machine is.
TIMEOUT_SECONDS = 20.0
SECOND = 1.0


@asynccontextmanager
async def writing(
    url: str,
    spool: Path,
    shared_url: str = "",
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    tells_conversions: bool = True,
) -> AsyncIterator[ClickWriter]:
    """A running writer, as a web worker has it."""
    shared = open_shared(shared_url) if shared_url else None
    seen = SharedSeen(shared, timeout_seconds / 2) if shared else None
    writer = ClickWriter(
        LogConnection(url), Spool(spool), seen, timeout_seconds, tells_conversions=tells_conversions
    )
    await writer.connection.open()
    running = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        if shared:
            await shared.aclose()


def some_click(lid: str = "the-lid", query: bytes = b"", **kwargs: object) -> Click:
    return decided(asked(**kwargs), query, lid)  # type: ignore[arg-type]


async def eventually(condition: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def logged(client: redis.Redis) -> dict[str, str]:
    """What the log has, as lid -> unique."""
    entries: list[tuple[bytes, dict[bytes, bytes]]] = client.xrange(LOG)  # type: ignore[assignment]
    return {msgspec.json.decode(kept[b"click"])["lid"]: kept[b"unique"].decode() for _, kept in entries}


@pytest.fixture
def other_redis(tmp_path: Path) -> Iterator[Service]:
    """A Redis that a test may stop."""
    port = free_port()
    (tmp_path / "valkey").mkdir()
    command = valkey_command(port, tmp_path / "valkey")
    with Service("other valkey", command, port, valkey_answers) as service:
        yield service


def url_of(service: Service) -> str:
    return f"redis://{LOCALHOST}:{service.port}/0"


def test_a_click_is_in_the_log_when_it_may_be_answered(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            await writer.written(some_click("first"))
            assert logged(redis_client) == {"first": "1"}

    asyncio.run(scenario())


def test_clicks_that_arrive_together_share_a_batch(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            clicks = [some_click(f"{number:08}") for number in range(2500)]
            await asyncio.gather(*map(writer.written, clicks))
            assert (writer.counts.batches, writer.counts.logged) == (3, 2500)
        assert list(logged(redis_client)) == [click.lid for click in clicks]

    asyncio.run(scenario())


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
                await writer.written(some_click(lid, query, a_campaign=campaign(on)))

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
                await writer.written(some_click())

    asyncio.run(scenario())
    entries = redis_client.xrange(LOG)
    assert entries is not None
    assert [kept[b"unique"] for _, kept in entries if kept] == [b"1", b"1"]


def test_while_redis_is_away_clicks_are_spooled_and_then_replayed(
    other_redis: Service, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"

    async def scenario() -> None:
        async with writing(url_of(other_redis), spool) as writer:
            await writer.written(some_click("before"))
            other_redis.kill()
            for lid in ("one", "two"):
                await writer.written(some_click(lid, who=visitor("FR")))
            assert writer.counts.spooled == 2
            await asyncio.to_thread(other_redis.start)
            await eventually(lambda: writer.counts.replayed == 2)
        with redis.Redis.from_url(url_of(other_redis)) as client:
            # Both are of the visitor who was there before.
            assert logged(client) == {"before": "1", "one": "0", "two": "0"}
            assert ClickLog(client).status().spooled == 2
        assert list(spool.iterdir()) == []

    asyncio.run(scenario())


def test_a_redis_that_hangs_holds_a_click_up_for_no_longer_than_allowed(
    other_redis: Service, tmp_path: Path
) -> None:
    async def scenario() -> None:
        assert other_redis.pid
        async with writing(url_of(other_redis), tmp_path / "spool", timeout_seconds=SECOND) as writer:
            os.kill(other_redis.pid, signal.SIGSTOP)
            try:
                waited = []
                for lid in ("first", "second"):
                    started = time.monotonic()
                    await writer.written(some_click(lid))
                    waited.append(time.monotonic() - started)
                assert writer.counts.spooled == 2
            finally:
                os.kill(other_redis.pid, signal.SIGCONT)
            # The first click found out; those after it need not.
            assert waited[0] >= SECOND > waited[1]
            await eventually(lambda: writer.counts.replayed == 2)

    asyncio.run(scenario())


def test_a_redis_that_is_full_sends_clicks_to_the_spool(other_redis: Service, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with writing(url_of(other_redis), tmp_path / "spool") as writer:
            with redis.Redis.from_url(url_of(other_redis)) as client:
                client.config_set("maxmemory", 1)
                await writer.written(some_click())
                assert writer.counts.spooled == 1
                client.config_set("maxmemory", 0)
                await eventually(lambda: writer.counts.replayed == 1)
                assert logged(client) == {"the-lid": "1"}

    asyncio.run(scenario())


def test_a_torn_line_becomes_a_dead_letter(redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "0-dead.ndjson").write_bytes(b'{"click":{"lid":"a"}}\n{"click":')

    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            await eventually(lambda: writer.counts.replayed == 1)

    asyncio.run(scenario())
    assert logged(redis_client) == {"a": ""}
    (letter,) = ClickLog(redis_client).dead_letters(10)
    assert letter.click == b'{"click":'


def test_where_redis_and_disk_fail_clicks_are_answered_and_counted_as_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file where the directory should be")

    async def scenario() -> None:
        async with writing(f"redis://{LOCALHOST}:{free_port()}/0", in_the_way) as writer:
            for number in range(5):
                await writer.written(some_click(str(number)))
            assert (writer.counts.lost, writer.counts.spooled) == (5, 0)

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(scenario())
    assert len(caplog.records) == 1


def test_lost_clicks_are_told_to_the_instance_when_redis_is_back(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            writer.counts.lost = 3
            await eventually(lambda: ClickLog(redis_client).status().lost == 3)
            await asyncio.sleep(1.2)

    asyncio.run(scenario())
    assert ClickLog(redis_client).status().lost == 3


def test_what_was_lost_is_told_before_a_worker_stops(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            await asyncio.sleep(0)
            writer.counts.lost = 3

    asyncio.run(scenario())
    assert ClickLog(redis_client).status().lost == 3


def test_instances_that_share_a_redis_share_who_was_seen(
    redis_client: redis.Redis, redis_url: str, other_redis: Service, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with (
            writing(redis_url, tmp_path / "here", url_of(other_redis)) as here,
            writing(url_of(other_redis), tmp_path / "there", url_of(other_redis)) as there,
        ):
            await here.written(some_click("seen here"))
            await there.written(some_click("seen there"))
            await there.written(some_click("unasked", b"fp=disabled"))

    asyncio.run(scenario())
    assert logged(redis_client) == {"seen here": "1"}
    with redis.Redis.from_url(url_of(other_redis)) as client:
        assert logged(client) == {"seen there": "0", "unasked": ""}


def test_what_instances_share_may_be_a_cluster(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    # A cluster's nodes speak to each other 10,000 ports higher: these are low enough.
    port = free_ports(1)
    command = [*valkey_command(port, tmp_path), "--cluster-enabled", "yes"]

    async def scenario() -> None:
        async with writing(redis_url, tmp_path / "spool", f"redis+cluster://{LOCALHOST}:{port}") as writer:
            # Their keys lie in different parts of a cluster.
            for lid, number in (("first", 1), ("second", 2), ("third", 3), ("fourth", 1)):
                await writer.written(some_click(lid, a_campaign=campaign(number)))

    with Service("cluster", command, port, valkey_answers), redis.Redis(LOCALHOST, port) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"), 30, "the cluster")
        asyncio.run(scenario())
        assert node.dbsize() == 3
    assert logged(redis_client) == {"first": "1", "second": "1", "third": "1", "fourth": "0"}


def test_while_the_shared_redis_is_away_a_visitor_is_assumed_to_be_unique(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    nowhere = f"redis://{LOCALHOST}:{free_port()}/0"

    async def scenario() -> None:
        async with writing(redis_url, tmp_path, nowhere) as writer:
            await writer.written(some_click("a"))
            await writer.written(some_click("b"))
            assert writer.counts.spooled == 0

    asyncio.run(scenario())
    assert logged(redis_client) == {"a": "assumed", "b": "assumed"}


@pytest.mark.parametrize(
    ("fields", "sends"),
    [
        ({"conversionType": "cpm"}, True),
        ({"conversionType": "hybrid/multistep", "isCpmOptionEnabled": "1"}, True),
        ({"conversionType": "hybrid/multistep", "isCpmOptionEnabled": "0"}, False),
        ({"conversionType": "cpa", "isCpmOptionEnabled": "1"}, False),
        ({}, False),
    ],
)
def test_a_click_that_is_a_conversion_leaves_a_message_due_in_30_seconds(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, fields: dict[str, str], sends: bool
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            await writer.written(some_click(an_offer=offer(advertiserId=5, **fields)))

    asyncio.run(scenario())
    due: Any = redis_client.zrange(CONVERSIONS, 0, -1, withscores=True)
    assert [score for _, score in due] == ([NOW_MS + 30_000] if sends else [])
    for message, _ in due:
        told = msgspec.json.decode(message)
        body = msgspec.json.decode(told["body"])
        assert (told["id"], told["action"], told["conversion_type"]) == (
            1,
            "update",
            fields["conversionType"],
        )
        assert (body["lid"], body["advertiser"], body["payin"]) == ("the-lid", 5, 4)


def test_where_nobody_sends_conversion_messages_none_pile_up(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path, tells_conversions=False) as writer:
            await writer.written(some_click(an_offer=offer(conversionType="cpm")))

    asyncio.run(scenario())
    assert logged(redis_client) == {"the-lid": "1"}
    assert not redis_client.exists(CONVERSIONS)
