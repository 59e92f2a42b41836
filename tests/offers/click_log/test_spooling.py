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
from offers.click_log.stream import ClickLog
from tests.log_lines import log_lines
from tests.offers.builders import visitor
from tests.offers.writing import logged, some_click, url_of, writing, written
from tests.processes import DEADLINE_SECONDS

SECOND = 1.0


async def eventually(condition: object) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_while_redis_is_away_clicks_are_spooled_and_then_replayed(
    other_redis: Service, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"

    async def scenario() -> None:
        async with writing(url_of(other_redis), spool) as writer:
            await written(writer, some_click("before"))
            other_redis.kill()
            for lid in ("one", "two"):
                await written(writer, some_click(lid, who=visitor("FR")))
            assert writer.counts.spooled == 2
            await asyncio.to_thread(other_redis.start)
            await eventually(lambda: writer.counts.replayed == 2 and not list(spool.iterdir()))
        with redis.Redis.from_url(url_of(other_redis)) as client:
            # Both are of the visitor who was there before.
            assert logged(client) == {"before": "1", "one": "0", "two": "0"}
            assert ClickLog(client).status().spooled == 2

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
                    await written(writer, some_click(lid))
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
                await written(writer, some_click())
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
                await written(writer, some_click(str(number)))
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


def refuse_writes(client: redis.Redis, how: str) -> None:
    """Let Redis answer, and take nothing."""
    if how == "full":
        client.config_set("maxmemory", 1)
    else:
        client.replicaof(LOCALHOST, "1")


def take_writes(client: redis.Redis) -> None:
    """End that."""
    client.config_set("maxmemory", 0)
    client.replicaof("NO", "ONE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_redis_that_takes_no_writes_costs_no_descriptors_and_few_lines(
    other_redis: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    spool = tmp_path / "spool"

    async def scenario() -> None:
        async with writing(url_of(other_redis), spool) as writer:
            with redis.Redis.from_url(url_of(other_redis)) as client:
                await written(writer, some_click("first"))
                refuse_writes(client, how)
                await written(writer, some_click("0"))
                before, until = descriptors(), time.monotonic() + 4
                while time.monotonic() < until:
                    await written(writer, some_click(f"{time.monotonic()}"))
                    await asyncio.sleep(0.05)
                assert (len(list(spool.glob("*.ndjson"))), descriptors()) == (1, before)
                take_writes(client)
                await eventually(lambda: writer.counts.replayed == writer.counts.spooled)
                assert len(logged(client)) == writer.counts.spooled + 1

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    events = [line["event"] for line in log_lines(caplog)]
    assert events.count("clicks go to the spool") == 1
    assert events.count("clicks go to Redis again") == 1


def test_clicks_leave_a_part_of_redis_memory_to_delivery_and_come_back(
    other_redis: Service, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(url_of(other_redis), tmp_path / "spool", memory_percent=80) as writer:
            with redis.Redis.from_url(url_of(other_redis)) as client:
                used = int(client.info("memory")["used_memory"])
                client.config_set("maxmemory", int(used / 0.82))
                await eventually(lambda: not writer.connection.takes_clicks)
                await written(writer, some_click("spooled"))
                assert writer.counts.spooled == 1
                client.set("celery", "can still write")
                client.config_set("maxmemory", int(used / 0.5))
                await eventually(lambda: writer.counts.replayed == 1)

    asyncio.run(scenario())


def test_a_long_spool_stops_at_the_part_of_the_memory_that_is_for_delivery(
    other_redis: Service, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    line = b'{"click":{"lid":"x","filling":"%b"}}\n' % (b"x" * 2000)
    (spool / "0-dead.ndjson").write_bytes(line * 20_000)

    async def scenario() -> None:
        with redis.Redis.from_url(url_of(other_redis)) as client:
            limit = int(client.info("memory")["used_memory"]) + 12_000_000
            client.config_set("maxmemory", limit)
            async with writing(url_of(other_redis), spool, memory_percent=80) as writer:
                await eventually(lambda: writer.counts.replayed and not writer.connection.takes_clicks)
                assert int(client.info("memory")["used_memory"]) < 0.9 * limit
                client.config_set("maxmemory", 0)
                await eventually(lambda: writer.counts.replayed == 20_000)

    asyncio.run(scenario())


def test_where_it_is_wished_clicks_that_cannot_be_written_are_not_answered(tmp_path: Path) -> None:
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file where the directory should be")

    async def scenario() -> None:
        url = f"redis://{LOCALHOST}:{free_port()}/0"
        async with writing(url, in_the_way, answers_unwritten=False) as writer:
            assert not await written(writer, some_click())
            assert (writer.counts.lost, writer.counts.unanswered) == (0, 1)
            assert "exists" in writer.problem

    asyncio.run(scenario())


def test_a_disk_that_takes_clicks_again_is_noticed_without_a_click(tmp_path: Path) -> None:
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file where the directory should be")

    async def scenario() -> None:
        async with writing(f"redis://{LOCALHOST}:{free_port()}/0", in_the_way) as writer:
            await written(writer, some_click())
            assert writer.problem
            in_the_way.unlink()
            await eventually(lambda: not writer.problem)

    asyncio.run(scenario())
