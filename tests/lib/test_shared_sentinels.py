"""Who was seen, known to a Redis whose master the sentinels name: what a failover changes for clicks."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from cotraffic.checks.shared_redis import check_shared_redis
from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import ASSUMED
from offers.click_log.writer import ClickWriter
from tests.offers.builders import campaign
from tests.offers.sentinels import PATIENCE_SECONDS, Watched, watched
from tests.offers.writing import logged, some_click, writing, written
from tests.processes import wait_until


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Watched]:
    with watched(tmp_path) as trio:
        yield trio


async def marked(writer: ClickWriter, client: redis.Redis) -> str:
    """Write clicks of one visitor after the other until one was looked up; gives that one's lid."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        number = 100
        while True:
            lid = f"visitor {number}"
            await written(writer, some_click(lid, a_campaign=campaign(number)))
            if logged(client)[lid] != ASSUMED:
                return lid
            number += 1
            await asyncio.sleep(0.1)


def kill(servers: Watched) -> None:
    servers.master.kill()


def freeze(servers: Watched) -> None:
    assert servers.master.pid
    os.kill(servers.master.pid, signal.SIGSTOP)


@pytest.mark.parametrize("end", [kill, freeze])
def test_after_a_failover_visitors_are_looked_up_at_the_new_master(
    redis_client: redis.Redis,
    redis_url: str,
    servers: Watched,
    tmp_path: Path,
    end: Callable[[Watched], None],
) -> None:
    async def scenario() -> str:
        async with writing(redis_url, tmp_path / "spool", servers.url(), timeout_seconds=8) as writer:
            await written(writer, some_click("first"))
            servers.wait_for_copy(1)
            end(servers)
            await written(writer, some_click("meanwhile"))
            servers.notice()
            found = await marked(writer, redis_client)
            await written(writer, some_click("again"))
            assert writer.counts.spooled == 0
            return found

    found = asyncio.run(scenario())
    servers.master.kill()
    log = logged(redis_client)
    assert {lid: log[lid] for lid in ("first", "meanwhile", found, "again")} == {
        "first": "1",
        "meanwhile": ASSUMED,
        found: "1",
        "again": "0",
    }
    with servers.client(servers.replica) as client:
        assert client.dbsize() == 2


def test_a_master_that_became_a_replica_is_left(
    redis_client: redis.Redis, redis_url: str, servers: Watched, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path / "spool", servers.url()) as writer:
            await written(writer, some_click("first"))
            servers.wait_for_copy(1)
            servers.tell("FAILOVER", "visitors")
            with servers.client(servers.master) as old:
                wait_until(lambda: old.info("replication")["role"] == "slave", what="the switch")
            await marked(writer, redis_client)
            await written(writer, some_click("again"))

    asyncio.run(scenario())
    assert logged(redis_client)["again"] == "0"


def test_sentinels_that_are_gone_or_hang_are_passed_over(
    redis_client: redis.Redis, redis_url: str, servers: Watched, tmp_path: Path
) -> None:
    gone = f"{LOCALHOST}:{free_port()}"

    async def scenario(hanging: str) -> None:
        url = servers.url(gone, hanging)
        async with writing(redis_url, tmp_path / "spool", url, timeout_seconds=6) as writer:
            await written(writer, some_click("first"))
            await written(writer, some_click("again"))

    with socket.create_server((LOCALHOST, 0)) as silent:
        asyncio.run(scenario(f"{LOCALHOST}:{silent.getsockname()[1]}"))
    assert logged(redis_client) == {"first": "1", "again": "0"}


def test_the_system_checks_find_the_master_and_tell_of_a_service_that_nobody_watches(
    servers: Watched, settings: Settings
) -> None:
    settings.SHARED_REDIS_URL = servers.url()
    assert check_shared_redis() == []
    settings.SHARED_REDIS_URL = servers.url().replace("/visitors/", "/customers/")
    (message,) = check_shared_redis()
    assert message.msg == "The shared Redis does not answer: No master found for 'customers'"
