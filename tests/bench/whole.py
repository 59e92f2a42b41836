"""The figure of a whole click: what it takes until it is in DynamoDB and in the archive, of all processes.

The stages follow each other, so that none disturbs another and no backlog falls between two of them: a web
worker answers at a rate, then what it has logged is delivered, then archived. Redis' part of each counts.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
# Clicks a second: a quarter of what a worker answers, so that its batches are those of an ordinary day.
RATE = 2_000
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
    """8. CPU of a whole click, as a multiple of that of a bare uvicorn's request at the same rate."""
    bare, full = bench.constant(), bench.full()
    port = free_port()
    bench.stack.enter_context(Service("dynamodb", dynamodb_stub.command(port), port))
    endpoint = f"http://{LOCALHOST}:{port}"
    rounds = [_round(bench, bare, full, endpoint) for _ in range(bench.options.runs)]
    failed = sum(each.failed for each in rounds)
    base = statistics.median(each.bare_us for each in rounds)
    rows = [Row(FIGURE, bare.name, RATE, 0, 0, base, failed)]
    for at, name in enumerate(PARTS):
        cpu = statistics.median(each.parts_us[at] for each in rounds)
        share = statistics.median(each.parts_us[at] / each.bare_us for each in rounds)
        rows.append(Row(FIGURE, name, RATE, 0, 0, cpu, 0, share, bare.name))
    total = statistics.median(sum(each.parts_us) for each in rounds)
    share = statistics.median(sum(each.parts_us) / each.bare_us for each in rounds)
    save("whole", msgspec.to_builtins(rounds))
    return [*rows, Row(FIGURE, "all together", RATE, 0, 0, total, 0, share, bare.name)]


class _Round(msgspec.Struct, frozen=True):
    """CPU microseconds a click of one round: the bare uvicorn's, and those of `PARTS`."""

    bare_us: float
    parts_us: tuple[float, ...]
    failed: int


def _round(bench: Bench, bare: Subject, full: Subject, endpoint: str) -> _Round:
    seconds, instance = 2 * bench.options.seconds, bench.instance
    bare_us = bare.run(seconds, CONNECTIONS, RATE).cpu_us
    instance.forget_clicks()
    before = cpu_seconds(full.service), _redis_seconds(instance.redis)
    url = f"http://{LOCALHOST}:{full.service.port}/offer"
    load = replay(url, full.requests, seconds, CONNECTIONS, RATE)
    answering = cpu_seconds(full.service) - before[0], _redis_seconds(instance.redis) - before[1]
    clicks = _settled(instance.redis)
    # Both want every click: the log keeps what either has not had.
    ClickLog(instance.redis).archive.create()
    delivering = _apart(bench, _deliver, instance.url, endpoint, clicks)
    archiving = _apart(
        bench, _archive, instance.url, str(instance.directory / f"archive-{time.time_ns()}"), clicks
    )
    instance.forget_clicks()
    parts = tuple(part / clicks * 1e6 for part in (*answering, *delivering, *archiving))
    return _Round(bare_us, parts, load.failed)


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


def _deliver(url: str, endpoint: str, clicks: int) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = endpoint
    with Redis.from_url(url) as client:
        done = deliver(ClickLog(client), ClickTable(), consumer_name(), LONGEST_SECONDS)
    if done.delivered != clicks:
        raise SystemExit(f"{done.delivered} of {clicks} clicks were delivered")


def _archive(url: str, directory: str, clicks: int) -> None:
    with Redis.from_url(url) as client:
        done = archive(ArchiveLog(client), Path(directory), LONGEST_SECONDS)
    if done.clicks != clicks:
        raise SystemExit(f"{done.clicks} of {clicks} clicks were archived")
