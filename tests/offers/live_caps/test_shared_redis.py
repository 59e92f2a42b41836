"""Live caps of several instances, counted in the Redis that they share."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.handler import ClickHandler
from offers.live_caps.counts import LiveCaps
from tests.offers.live_caps.workers import (
    campaign_blob,
    cap_info,
    capped_offer,
    click,
    clicks,
    exit_offer,
    go_live,
    workers,
)
from tests.offers.sentinels import watched
from tests.offers.watching import until
from tests.offers.writing import logged, url_of
from tests.processes import wait_until


@pytest.fixture(autouse=True)
def _is_on(settings: Settings) -> None:
    settings.LIVE_CAPS, settings.CLICK_COMMIT_TIMEOUT_MS = True, 20_000


@pytest.fixture(params=["single", "cluster", "sentinel"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a shared Redis of each kind."""
    if request.param == "sentinel":
        with watched(tmp_path) as trio:
            yield trio.url()
        return
    port, data = free_port(), tmp_path / "shared"
    data.mkdir()
    command = valkey_command(port, data)
    if request.param == "single":
        with Service("shared", command, port, valkey_answers):
            yield f"redis://{LOCALHOST}:{port}/0"
        return
    # Nodes speak to each other 10,000 ports higher unless told otherwise, where somebody else may be.
    clustered = [*command, "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    with (
        Service("cluster", clustered, port, valkey_answers),
        redis.Redis(LOCALHOST, port) as node,
    ):
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"), what="the cluster")
        yield f"redis+cluster://{LOCALHOST}:{port}"


class Instances:
    """Two instances, each with a Redis of its own, and the one that they share."""

    def __init__(self, settings: Settings, own_urls: tuple[str, str], shared_url: str) -> None:
        self._settings = settings
        self._own_urls = own_urls
        self._shared_url = shared_url

    async def start(self, stack: AsyncExitStack, each: int = 1) -> list[list[ClickHandler]]:
        """Start so many workers of each instance; returns them by instance."""
        found = []
        for url in self._own_urls:
            self._settings.REDIS_URL, self._settings.SHARED_REDIS_URL = url, self._shared_url
            found.append(await stack.enter_async_context(workers(each)))
        return found


@pytest.fixture
def own_urls(redis_client: redis.Redis, redis_url: str, other_redis: Service) -> tuple[str, str]:
    assert redis_client.dbsize() == 0
    return redis_url, url_of(other_redis)


def live_everywhere(urls: tuple[str, str], *offers: bytes, campaign: bytes = b"") -> None:
    for url in urls:
        with redis.Redis.from_url(url) as client:
            go_live(client, *offers, campaign=campaign)


def test_instances_never_go_over_the_limit_together(
    settings: Settings, own_urls: tuple[str, str], shared_url: str
) -> None:
    live_everywhere(own_urls, capped_offer(10), exit_offer(), campaign=campaign_blob(**cap_info(150)))

    async def scenario() -> list[str]:
        async with AsyncExitStack() as stack:
            here, there = await Instances(settings, own_urls, shared_url).start(stack, each=2)
            return await clicks([*here, *there], 120)

    found = asyncio.run(scenario())
    assert (found.count("capped"), found.count("exit")) == (10, 110)


def test_a_click_that_is_decided_again_counts_once_for_its_campaign(
    settings: Settings, own_urls: tuple[str, str], shared_redis: Service
) -> None:
    live_everywhere(own_urls, capped_offer(5), exit_offer(), campaign=campaign_blob(**cap_info(1000)))

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            here, there = await Instances(settings, own_urls, url_of(shared_redis)).start(stack, each=2)
            both = [*here, *there]
            await clicks(both, 60)
            assert sum(worker.clicks.counts.decided_again for worker in both) > 0
            with redis.Redis.from_url(url_of(shared_redis)) as client:
                await until(lambda: _counts(client, {b"offers": 5, b"campaigns": 60}))

    asyncio.run(scenario())
    # Each was seen in the batch that had no room, too: by its lid it is known for the same click.
    for url in own_urls:
        with redis.Redis.from_url(url) as client:
            assert set(logged(client).values()) == {"1"}


def test_while_the_shared_redis_is_away_what_was_known_counts_and_is_told_later(
    settings: Settings, own_urls: tuple[str, str], shared_redis: Service
) -> None:
    live_everywhere(own_urls, capped_offer(20), exit_offer())

    async def scenario() -> tuple[list[str], str]:
        async with AsyncExitStack() as stack:
            (here,), (there,) = await Instances(settings, own_urls, url_of(shared_redis)).start(stack)
            assert await clicks([here, there], 12) == ["capped"] * 12
            shared_redis.stop()
            # Only the other one's last click is not known here.
            away = await clicks([here], 30)
            shared_redis.start()
            assert here.clicks.live_caps is not None
            caps = here.clicks.live_caps
            await until(lambda: _is_told(caps))
            return away, await click(there)

    away, there = asyncio.run(scenario())
    assert away.count("capped") in range(8, 15)
    assert (away[-1], there) == ("exit", "exit")


@pytest.fixture
def shared_redis(tmp_path: Path) -> Iterator[Service]:
    port, data = free_port(), tmp_path / "shared"
    data.mkdir()
    # What it has counted outlives it.
    command = [*valkey_command(port, data), "--appendonly", "yes"]
    with Service("shared", command, port, valkey_answers) as service:
        yield service


async def _counts(client: redis.Redis, wanted: dict[bytes, int]) -> bool:
    found = {key.split(b":")[1]: int(client.hget(key, "clicks") or 0) for key in client.scan_iter("caps:*")}
    return found == wanted


async def _is_told(caps: LiveCaps) -> bool:
    return not caps.owes
