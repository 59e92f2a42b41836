"""`make bench-commit`: how long a click waits until it is written down, by what Redis does with its disk."""

import argparse
import asyncio
import statistics
import tempfile
import time
from asyncio import Future
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from msgspec.structs import replace
from redis import Redis

from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from tests import environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()

import django  # noqa: E402

django.setup()

from offers.click_log.connection import LogConnection  # noqa: E402
from offers.click_log.stream import LOG  # noqa: E402
from offers.click_log.writer import ClickWriter  # noqa: E402
from offers.live_caps.counts import CountRow  # noqa: E402
from offers.spool.spool import Spool  # noqa: E402
from offers.spool.types import PendingClick  # noqa: E402
from tests.offers.builders import context, decided, visitor  # noqa: E402
from tests.offers.writing import written  # noqa: E402

WORKERS = 2
VISITORS = 2000
# Far above what is measured: nothing is to go to the spool.
TIMEOUT_SECONDS = 10.0


class Policy(NamedTuple):
    """What Redis does before it acknowledges: its `appendfsync`, and whether WAITAOF follows each batch."""

    appendfsync: str
    waits: bool = False

    @property
    def name(self) -> str:
        """How it is called in the table."""
        return f"{self.appendfsync}, WAITAOF" if self.waits else self.appendfsync


POLICIES = (Policy("no"), Policy("everysec"), Policy("always"), Policy("everysec", waits=True))


class Round(NamedTuple):
    """One round: how long each click waited, in milliseconds, clicks a second, and Redis' CPU for each."""

    median_ms: float
    p99_ms: float
    per_second: float
    redis_us: float


class WaitingConnection(LogConnection):
    """A connection on which a batch is acknowledged when it is known to be on the disk."""

    def append(self, clicks: Iterable[PendingClick], rows: Sequence[CountRow] = ()) -> "Future[Any]":
        """Write clicks into the log; the future is that of the WAITAOF behind them."""
        super().append(clicks, rows)
        return self.command("WAITAOF", 1, 0, 0)


class Worker:
    """What one web worker writes with, and clicks that are answered and ask again at once."""

    def __init__(self, url: str, policy: Policy, directory: Path) -> None:
        connection = WaitingConnection(url) if policy.waits else LogConnection(url)
        self._writer = ClickWriter(connection, Spool(directory), None, TIMEOUT_SECONDS)
        self._numbers = iter(range(1_000_000_000))
        visitors = [replace(visitor("US"), address=f"24.0.{n >> 8}.{n & 255}") for n in range(VISITORS)]
        self._clicks = [decided(context(who=who)) for who in visitors]

    async def click(self, at_once: int, seconds: float) -> list[float]:
        """Keep `at_once` clicks waiting for so long; gives the milliseconds that each waited."""
        await self._writer.connection.open()
        running = asyncio.create_task(self._writer.run())
        until = time.perf_counter() + seconds
        waited: list[float] = []
        await asyncio.gather(*(self._click(until, waited) for _ in range(at_once)))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        if self._writer.counts.spooled:
            raise SystemExit("Redis was away: clicks went to the spool")
        return waited

    async def _click(self, until: float, waited: list[float]) -> None:
        while (started := time.perf_counter()) < until:
            number = next(self._numbers)
            click = self._clicks[number % VISITORS]
            await written(self._writer, replace(click, lid=f"{number:08}-{id(self):x}"))
            waited.append((time.perf_counter() - started) * 1000)


def measure(client: Redis, url: str, policy: Policy, at_once: int, seconds: float, directory: Path) -> Round:
    """One round of one policy."""
    client.flushall()
    client.config_set("appendfsync", policy.appendfsync)
    before = _cpu_seconds(client)

    async def both() -> list[list[float]]:
        workers = [Worker(url, policy, directory / str(number)) for number in range(WORKERS)]
        return await asyncio.gather(
            *(worker.click(max(1, at_once // WORKERS), seconds) for worker in workers)
        )

    waited = sorted(ms for of in uvloop.run(both()) for ms in of)
    if int(client.xlen(LOG)) != len(waited):
        raise SystemExit(f"{len(waited)} clicks were acknowledged, {client.xlen(LOG)} are in the log")
    return Round(
        median_ms=statistics.median(waited),
        p99_ms=waited[int(len(waited) * 0.99)],
        per_second=len(waited) / seconds,
        redis_us=(_cpu_seconds(client) - before) / len(waited) * 1e6,
    )


def _cpu_seconds(client: Redis) -> float:
    found = client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def rounds(options: argparse.Namespace) -> Iterator[tuple[int, Policy, list[Round]]]:
    """Every policy at every number of clicks at once; their rounds take turns."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.directory)))
        port = free_port()
        stack.enter_context(Service("valkey", valkey_command(port, directory), port, valkey_answers))
        client = stack.enter_context(Redis(LOCALHOST, port))
        url = f"redis://{LOCALHOST}:{port}/0"
        for at_once in options.at_once:
            found: dict[Policy, list[Round]] = {policy: [] for policy in POLICIES}
            for _ in range(options.runs):
                for policy in POLICIES:
                    found[policy].append(
                        measure(client, url, policy, at_once, options.seconds, directory / "spool")
                    )
            yield from ((at_once, policy, its) for policy, its in found.items())


def main() -> None:
    """Measure, and print the medians of the rounds."""
    parser = argparse.ArgumentParser(prog="make bench-commit", description=__doc__)
    parser.add_argument(
        "--at-once", type=int, nargs="+", default=[2, 64, 512], help="clicks that wait at once"
    )
    parser.add_argument("--runs", type=int, default=5, help="rounds of each (default: 5)")
    parser.add_argument("--seconds", type=float, default=2, help="length of a round (default: 2)")
    parser.add_argument("--directory", type=Path, help="where Redis keeps its file: on the disk that counts")
    options = parser.parse_args()
    heading = f"{'clicks at once':<16}{'appendfsync':<20}{'median ms':>10}{'p99 ms':>10}"
    print(f"{heading}{'clicks/s':>11}{'Redis us/click':>16}")
    for at_once, policy, its in rounds(options):
        middle = Round(*(statistics.median(values) for values in zip(*its, strict=True)))
        print(
            f"{at_once:<16}{policy.name:<20}{middle.median_ms:>10.2f}{middle.p99_ms:>10.2f}"
            f"{middle.per_second:>11,.0f}{middle.redis_us:>16.1f}"
        )


if __name__ == "__main__":
    main()
