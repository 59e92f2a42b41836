"""`make bench-caps`: by how many clicks a live cap is overrun, over instances and workers at full rate.

The limit is reached four times, each time under a new record of the offer: as it is; with a reload of the
recipe and updates of other records meanwhile; with an update of the offer itself half-way; and with one
instance cut off from the shared Redis.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import django
from redis import Redis

from devstack.geoip import write_databases
from devstack.services import LOCALHOST, Service, free_port, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from django.conf import settings  # noqa: E402

from offers.links.tokens import encrypt  # noqa: E402
from tests.bench.cut_off import Relay  # noqa: E402
from tests.offers.live_caps.workers import (  # noqa: E402
    CAMPAIGN,
    CAPPED,
    capped_offer,
    exit_offer,
    go_live,
    update,
)
from tests.servers import web_worker  # noqa: E402

CONNECTIONS = 16
# So many answers in a row from every worker say that the cap is closed everywhere.
CLOSED_ANSWERS = 100
# A busy machine answers late; what it does not answer in time is not what is measured here.
COMMIT_MS = 4000
WITHIN_SECONDS = 120
LAYOUTS = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (3, 2))


class Overrun(NamedTuple):
    """Clicks beyond the limit, in each of the four phases, by instances and workers of each.

    `unseen` came while the new record was on its way, so that it could not hold them; `updated` is without
    them.
    """

    instances: int
    workers: int
    plain: int
    reloaded: int
    updated: int
    unseen: int
    cut_off: int
    clicks: int


class Clicks:
    """Clicks at full rate on all workers; `capped` of them went to the capped offer."""

    def __init__(self, ports: list[int]) -> None:
        self.capped = self.total = self.failed = 0
        self._exits = dict.fromkeys(ports, 0)
        token = encrypt(CAPPED, CAMPAIGN, settings.ENCRYPTION_KEY)
        # A machine's click has no part in a cap.
        lines = (f"GET /offer?ad={token} HTTP/1.1", "Host: localhost", "User-Agent: Firefox", "", "")
        self._request = "\r\n".join(lines).encode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Clicks"]:
        """Click until the end of the block."""
        tasks = [asyncio.create_task(self._click(port)) for port in self._exits for _ in range(CONNECTIONS)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def is_closed_everywhere(self) -> bool:
        """Whether every worker has sent its last clicks to the exit offer."""
        return min(self._exits.values()) >= CLOSED_ANSWERS

    def opened(self) -> None:
        """Forget the exits until now: there is a new record."""
        self._exits = dict.fromkeys(self._exits, 0)

    async def _click(self, port: int) -> None:
        reader, writer = await asyncio.open_connection(LOCALHOST, port)
        try:
            while True:
                writer.write(self._request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                self.total += 1
                if b"location: https://capped.example/" in head:
                    self.capped += 1
                    self._exits[port] = 0
                elif b"location: https://exit.example/" in head:
                    self._exits[port] += 1
                else:
                    raise SystemExit(f"a click was not answered with a redirect: {head!r}")
        finally:
            writer.close()


class Network:
    """Instances with a Redis each, and one that they share, which each reaches by a relay of its own."""

    def __init__(self, redis_ports: list[int], relays: list[Relay], clicks: Clicks, limit: int) -> None:
        self._clients = [Redis(LOCALHOST, port) for port in redis_ports]
        self.relays = relays
        self.clicks = clicks
        self.limit = limit
        # Clicks of the current round that its record does not have in its `current`.
        self.unseen = 0
        self._round = 0

    def begin(self) -> None:
        """Make the first record live everywhere."""
        for client in self._clients:
            go_live(client, capped_offer(self.limit), exit_offer())

    async def new_record(self, limit: int) -> None:
        """Change the capped offer everywhere, with what it has taken until now as co-recipe's own count."""
        self._round += 1
        known = self.clicks.capped
        blob = capped_offer(limit, known, name=f"version {self._round}")
        self.clicks.opened()
        await self._everywhere(lambda client: update(client, blob))
        self.unseen = self.clicks.capped - known

    async def reload(self, limit: int, current: int) -> None:
        """Load the same recipe once more, and change the exit offer."""
        blob = capped_offer(limit, current, name=f"version {self._round}")
        await self._everywhere(lambda client: go_live(client, blob, exit_offer(name=f"{self._round}")))
        await self._everywhere(lambda client: update(client, exit_offer(name=f"{self._round}, changed")))

    async def _everywhere(self, change: Callable[[Redis], object]) -> None:
        await asyncio.gather(*(asyncio.to_thread(change, client) for client in self._clients))


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > WITHIN_SECONDS:
            raise SystemExit(f"not within {WITHIN_SECONDS} s: {what}")
        await asyncio.sleep(0.01)


async def phase(network: Network, number: int, half_way: Callable[[int], Awaitable[object]]) -> int:
    """Reach the limit under a new record, with something happening half-way; returns the clicks beyond it.

    Below zero: the cap was closed too early.
    """
    clicks, limit = network.clicks, network.limit * number
    if number > 1:
        await network.new_record(limit)
    await until(lambda: clicks.capped >= limit - network.limit // 2, f"half of limit {limit:,}")
    await half_way(limit)
    await until(clicks.is_closed_everywhere, "exits everywhere")
    return clicks.capped - limit


async def measure(network: Network, layout: tuple[int, int]) -> Overrun:
    """The four phases, while clicks come at full rate."""

    async def nothing(_: int) -> None:
        return None

    async def reload(limit: int) -> None:
        await network.reload(limit, limit - network.limit)

    async def renew(limit: int) -> None:
        await network.new_record(limit)

    async def cut_off(_: int) -> None:
        await network.relays[0].cut()

    async with network.clicks.running() as clicks:
        plain = await phase(network, 1, nothing)
        clicks.capped -= plain
        reloaded = await phase(network, 2, reload)
        clicks.capped -= reloaded
        updated = await phase(network, 3, renew)
        clicks.capped -= updated
        unseen = network.unseen
        cut = 0
        if layout[0] > 1:
            cut = await phase(network, 4, cut_off)
            await network.relays[0].mend()
    return Overrun(*layout, plain, reloaded, updated - unseen, unseen, cut, clicks.total)


def run(layout: tuple[int, int], limit: int) -> Overrun:
    """Start the servers of one layout, and measure."""
    instances, each = layout
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))

        def valkey(name: str) -> int:
            port, data = free_port(), directory / name
            data.mkdir()
            stack.enter_context(Service(name, valkey_command(port, data), port))
            return port

        shared_port = valkey("shared")
        redis_ports = [valkey(f"redis{at}") for at in range(instances)]
        relays = [Relay(free_port(), shared_port) for _ in redis_ports]

        async def scenario() -> Overrun:
            async with AsyncExitStack() as running:
                for relay in relays:
                    await running.enter_async_context(relay.running())
                ports = [
                    await asyncio.to_thread(_worker, stack, directory, redis_port, relay.port, instances)
                    for redis_port, relay in zip(redis_ports, relays, strict=True)
                    for _ in range(each)
                ]
                network = Network(redis_ports, relays, Clicks(ports), limit)
                network.begin()
                return await measure(network, layout)

        return asyncio.run(scenario())


def _worker(stack: ExitStack, directory: Path, redis_port: int, relay_port: int, instances: int) -> int:
    """Start a worker; returns its port. One instance alone has no shared Redis."""
    shared = f"redis://{LOCALHOST}:{relay_port}/0" if instances > 1 else ""
    url = stack.enter_context(
        web_worker(
            LIVE_CAPS="on",
            REDIS_URL=f"redis://{LOCALHOST}:{redis_port}/0",
            SHARED_REDIS_URL=shared,
            CLICK_COMMIT_TIMEOUT_MS=str(COMMIT_MS),
            CLICK_SPOOL_DIR=str(directory / f"spool{redis_port}"),
        )
    )
    return urlsplit(url).port or 0


def main() -> None:
    """Measure every layout, print a table."""
    parser = argparse.ArgumentParser(prog="make bench-caps", description=__doc__)
    parser.add_argument("--limit", type=int, default=2000, help="clicks of each phase (default: 2,000)")
    parser.add_argument("--quick", action="store_true", help="two small layouts alone")
    options = parser.parse_args()
    write_databases([], Path(settings.MAXMIND_PATH), Path(settings.MAXMIND_PATH_ISP))
    layouts = ((1, 2), (2, 1)) if options.quick else LAYOUTS
    limit = 200 if options.quick else options.limit
    print("instances  workers each   limit  overrun  with reload  with update  unseen  cut off   clicks")
    rows: list[dict[str, Any]] = []
    for layout in layouts:
        row = run(layout, limit)
        rows.append(row._asdict())
        print(
            f"{row.instances:9}{row.workers:14}{limit:8,}{row.plain:9,}{row.reloaded:13,}{row.updated:13,}"
            f"{row.unseen:8,}"
            f"{row.cut_off if row.instances > 1 else '-':>9}{row.clicks:9,}",
            flush=True,
        )
    target = Path("var") / "bench"
    target.mkdir(parents=True, exist_ok=True)
    (target / f"caps{'-quick' if options.quick else ''}.json").write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
