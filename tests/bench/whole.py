"""The figure of a whole click: what it takes until it is in DynamoDB and in the archive, of all processes.

The stages follow each other, so that none disturbs another and no backlog falls between two of them: a web
worker answers at a rate, then what it has logged is delivered, then archived. Redis' part of each counts; a
client of DynamoDB does not, which a worker makes once and keeps.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from redis import Redis

from devstack.services import LOCALHOST, Service, free_port
from offers.archive.archive import archive
from offers.archive.log import ArchiveLog
from offers.click_log.stream import LOG, ClickLog
from offers.delivery.deliver import consumer_name, deliver
from offers.delivery.dynamodb import ClickTable
from tests import dynamodb_stub
from tests.bench.figures import Bench, Row
from tests.bench.stage import CONNECTIONS, Subject, cpu_seconds, save
from tests.bench.wrk import replay

FIGURE = "8 whole"


class Traffic(NamedTuple):
    """Clicks that come at a rate a second, 0 for as fast as they are answered, over some connections."""

    name: str
    rate: int
    connections: int


# On an ordinary day a batch holds a click or two; the more share a batch, the less each costs.
TRAFFIC = (
    Traffic("2,000/s", 2_000, CONNECTIONS),
    Traffic("8,000/s", 8_000, CONNECTIONS),
    Traffic("all it can", 0, 4 * CONNECTIONS),
)
LONGEST_SECONDS = 600
SETTLED_SECONDS = 1.0
PARTS = (
    "answering: web worker",
    "answering: Redis",
    "delivering",
    "delivering: Redis",
    "archiving",
    "archiving: Redis",
)


def whole(bench: Bench) -> list[Row]:
    """8. CPU of a whole click, as a multiple of that of a bare uvicorn's request in the same traffic."""
    bare, full = bench.constant(), bench.full()
    port = free_port()
    bench.stack.enter_context(Service("dynamodb", dynamodb_stub.command(port), port))
    endpoint = f"http://{LOCALHOST}:{port}"
    # In turns, so that a slow minute hits all of them.
    rounds = [
        [_round(bench, bare, full, endpoint, traffic) for traffic in TRAFFIC]
        for _ in range(bench.options.runs)
    ]
    save("whole", msgspec.to_builtins(rounds))
    return [
        row
        for traffic, its in zip(TRAFFIC, zip(*rounds, strict=True), strict=True)
        for row in _rows(traffic.name, bare.name, its)
    ]


def _rows(name: str, of: str, rounds: Sequence["_Round"]) -> Iterator[Row]:
    """The lines of one traffic: the medians of its rounds."""
    rate = statistics.median(each.per_second for each in rounds)
    failed = sum(each.failed for each in rounds)
    yield Row(FIGURE, f"{of}, {name}", rate, 0, 0, statistics.median(each.bare_us for each in rounds), failed)
    for at, part in enumerate((*PARTS, "all together")):
        taken = [(*each.parts_us, sum(each.parts_us))[at] for each in rounds]
        shares = [us / each.bare_us for us, each in zip(taken, rounds, strict=True)]
        cpu_us, share = statistics.median(taken), statistics.median(shares)
        yield Row(FIGURE, f"{part}, {name}", rate, 0, 0, cpu_us, 0, share, of)


class _Round(msgspec.Struct, frozen=True):
    """CPU microseconds a click of one round: the bare uvicorn's, and those of `PARTS`."""

    bare_us: float
    parts_us: tuple[float, ...]
    per_second: float
    failed: int


def _round(bench: Bench, bare: Subject, full: Subject, endpoint: str, traffic: Traffic) -> _Round:
    seconds, instance = 2 * bench.options.seconds, bench.instance
    bare_us = bare.run(seconds, traffic.connections, traffic.rate).cpu_us
    instance.forget_clicks()
    before = cpu_seconds(full.service), _redis_seconds(instance.redis)
    url = f"http://{LOCALHOST}:{full.service.port}/offer"
    load = replay(url, full.requests, seconds, traffic.connections, traffic.rate)
    answering = cpu_seconds(full.service) - before[0], _redis_seconds(instance.redis) - before[1]
    clicks = _settled(instance.redis)
    # Both want every click: the log keeps what either has not had.
    ClickLog(instance.redis).archive.create()
    settings.AWS_DYNAMODB_ENDPOINT = endpoint
    delivering = _apart(bench, _deliver, instance.url, ClickTable(), clicks)
    archiving = _apart(
        bench, _archive, instance.url, str(instance.directory / f"archive-{time.time_ns()}"), clicks
    )
    instance.forget_clicks()
    parts = tuple(part / clicks * 1e6 for part in (*answering, *delivering, *archiving))
    return _Round(bare_us, parts, load.per_second, load.failed)


def _settled(redis: Redis) -> int:
    """Return how many clicks the log has, once those are written whose answer wrk did not wait for."""
    found = -1
    while (length := int(redis.xlen(LOG))) != found:
        found = length
        time.sleep(SETTLED_SECONDS)
    return found


def _redis_seconds(redis: Redis) -> float:
    """The CPU time of all threads of a Redis so far."""
    found = redis.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def _apart(bench: Bench, stage: Callable[..., None], *arguments: Any) -> tuple[float, float]:
    """The CPU seconds of a stage in a process of its own, and of Redis meanwhile."""
    context = multiprocessing.get_context("fork")
    spent = context.Queue()

    def run() -> None:
        begun = time.process_time()
        stage(*arguments)
        spent.put(time.process_time() - begun)

    before = _redis_seconds(bench.instance.redis)
    process = context.Process(target=run)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{stage.__name__.strip('_')} ended with {process.exitcode}")
    return float(spent.get()), _redis_seconds(bench.instance.redis) - before


def _deliver(url: str, table: ClickTable, clicks: int) -> None:
    with Redis.from_url(url) as client:
        done = deliver(ClickLog(client), table, consumer_name(), LONGEST_SECONDS)
    if done.delivered != clicks:
        raise SystemExit(f"{done.delivered} of {clicks} clicks were delivered")


def _archive(url: str, directory: str, clicks: int) -> None:
    with Redis.from_url(url) as client:
        done = archive(ArchiveLog(client), Path(directory), LONGEST_SECONDS)
    if done.clicks != clicks:
        raise SystemExit(f"{done.clicks} of {clicks} clicks were archived")
