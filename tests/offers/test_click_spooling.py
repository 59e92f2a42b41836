"""Redis away, slow or full: clicks go to the disk, from there into the log, or are counted as lost."""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path

import pytest
import redis

from devstack.services import LOCALHOST, Service, free_port
from offers.click_log import ClickLog
from tests.offers.builders import visitor
from tests.offers.writing import logged, some_click, url_of, writing

SECOND = 1.0


async def eventually(condition: object, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


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
