"""The figure of the rate that a whole instance sustains: answered, delivered and archived, without a pile."""

import logging
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from devstack.services import LOCALHOST
from offers.click_log.stream import LOG, ClickLog
from tests.bench.figures import Bench, Row
from tests.bench.stage import CONNECTIONS
from tests.bench.wrk import Load, replay, write_requests
from tests.faults.system import System
from tests.processes import wait_until

FIGURE = "9 sustained"
VISITORS = 5_000
# The archive writes every ten seconds: a minute has six of its periods.
SECONDS = 60
STEPS = 5
LEAST_ANSWERED = 0.98
# A backlog that grows by less than this share of the rate is no pile.
GROWTH_SHARE = 0.05


class _Try(NamedTuple):
    """A rate that was tried: what came of it, and by how many clicks a second the longer backlog grew."""

    rate: float
    load: Load
    growth: float

    @property
    def holds(self) -> bool:
        """Whether clicks were answered at the rate, and nothing piled up."""
        is_answered = self.load.per_second >= LEAST_ANSWERED * self.rate and not self.load.failed
        return is_answered and self.growth <= GROWTH_SHARE * self.rate


def sustained(bench: Bench) -> list[Row]:
    """9. The highest rate of a whole instance on all cores, which wrk and DynamoDB's stand-in use, too."""
    # Its line for each request would stand in the table.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    seconds = SECONDS if bench.options.seconds > 1 else 2
    os.sched_setaffinity(0, {bench.cores.server, bench.cores.others})
    try:
        with tempfile.TemporaryDirectory() as name, System(Path(name) / "system") as system:
            requests = write_requests(Path(name) / "requests", _requests(system.path))
            _wait_for_groups(system)
            peak = replay(_url(system), requests, min(seconds, 10), CONNECTIONS)
            lowest, highest, best = 0.0, peak.per_second, None
            for _ in range(STEPS if seconds == SECONDS else 1):
                found = _try(system, requests, (lowest + highest) / 2, seconds)
                if found.holds:
                    lowest, best = found.rate, found
                else:
                    highest = found.rate
                _drain(system)
    finally:
        os.sched_setaffinity(0, {bench.cores.others})
    rows = [_row("answered, whatever piles up", peak)]
    return [*rows, _row("nothing piles up", best.load, peak)] if best else rows


def _row(name: str, load: Load, of: Load | None = None) -> Row:
    share = None if of is None else load.per_second / of.per_second
    latencies = load.p50_us / 1000, load.p99_us / 1000
    return Row(FIGURE, name, load.per_second, *latencies, 0, load.failed, share, "the peak" if of else "")


def _requests(path: str) -> list[bytes]:
    return [
        (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 24.7.{at >> 8 & 255}.{at & 255}\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
        ).encode()
        for at in range(VISITORS)
    ]


def _url(system: System) -> str:
    return f"http://{LOCALHOST}:{system.web_port}/offer"


def _wait_for_groups(system: System) -> None:
    """Wait for the processes that read the log: what they have not asked for yet is no backlog of theirs."""
    with system.redis_client() as client:
        log = ClickLog(client)
        groups = (log.delivery, log.archive)
        wait_until(lambda: all(group.find() for group in groups), what="the groups of the log")


def _try(system: System, requests: Path, rate: float, seconds: int) -> _Try:
    """Click at a rate, and compare the backlog of the last third with that of the second."""
    backlogs: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        with system.redis_client() as client:
            log = ClickLog(client)
            while True:
                length = int(client.xlen(LOG))
                backlogs.append(max(log.delivery.backlog(length), log.archive.backlog(length)))
                if stop.wait(0.5):
                    return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        load = replay(_url(system), requests, seconds, CONNECTIONS, rate)
    finally:
        stop.set()
        thread.join()
    third = max(1, len(backlogs) // 3)
    # Lows, since what waits rises and falls with the periods of the archive.
    growth = (min(backlogs[-third:]) - min(backlogs[-2 * third : -third] or [0])) / (seconds / 3)
    return _Try(rate, load, growth)


def _drain(system: System) -> None:
    """Wait until all is delivered and archived."""
    with system.redis_client() as client:
        log = ClickLog(client)
        until = time.monotonic() + 10 * SECONDS
        while any(group.backlog(int(client.xlen(LOG))) for group in (log.delivery, log.archive)):
            if time.monotonic() > until:
                raise SystemExit("what was tried is not delivered and archived within ten minutes")
            time.sleep(0.2)
