"""`make bench-delivery`: how fast clicks go from the log to DynamoDB, and what an undelivered one weighs."""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import django
import msgspec
from django.conf import settings
from redis import Redis

from devstack.services import LOCALHOST, Service, aws_command, free_port, valkey_command
from tests import dynamodb_stub, environment

# Before anything reads the settings.
ENVIRONMENT = environment.prepare()
django.setup()

from offers.click_log.stream import ClickLog  # noqa: E402
from offers.delivery import deliver as delivery  # noqa: E402
from offers.delivery.deliver import consumer_name, deliver  # noqa: E402
from offers.delivery.dynamodb import ClickTable  # noqa: E402
from tests.bench.figures import FULL, Bench  # noqa: E402
from tests.bench.records import DECISIONS, fill  # noqa: E402
from tests.bench.stage import CONNECTIONS, Cores  # noqa: E402
from tests.bench.wrk import demand_wrk  # noqa: E402

# Of the recipe of the answers beside which delivery is measured; their number does not matter.
ANSWERED_RECORDS = 3_000


class Setting(NamedTuple):
    """What is measured: where clicks go, how many, requests at once, workers, their core, and decisions."""

    name: str
    endpoint: str
    clicks: int
    parallel: int = delivery.PARALLEL_BATCHES
    workers: int = 1
    core: int | None = None
    decisions: int = DECISIONS


class Rate(NamedTuple):
    """Clicks a second, and the processor time of the workers for each, which a busy machine changes less."""

    per_second: float
    cpu_us: float


def work(setting: Setting, port: int, start: Any, done: Any) -> None:
    """One worker process: deliver until the log has nothing more."""
    settings.AWS_DYNAMODB_ENDPOINT = setting.endpoint
    delivery.PARALLEL_BATCHES = setting.parallel
    table = ClickTable()
    if setting.core is not None:
        os.sched_setaffinity(0, {setting.core})
    with Redis(LOCALHOST, port) as client:
        log = ClickLog(client)
        start.wait()
        before = time.process_time()
        delivered = deliver(log, table, consumer_name(), 600).delivered
        done.put((delivered, time.process_time() - before))


def rate(setting: Setting, port: int) -> Rate:
    """How fast it goes, all workers together."""
    with Redis(LOCALHOST, port) as client:
        client.flushall()
        fill(ClickLog(client), setting.clicks, decisions=setting.decisions)
    context = multiprocessing.get_context("fork")
    start, done = context.Barrier(setting.workers + 1), context.Queue()
    processes = [
        context.Process(target=work, args=(setting, port, start, done)) for _ in range(setting.workers)
    ]
    for process in processes:
        process.start()
    start.wait()
    started = time.monotonic()
    delivered, cpu_seconds = (sum(values) for values in zip(*(done.get() for _ in processes), strict=True))
    seconds = time.monotonic() - started
    for process in processes:
        process.join()
    if delivered != setting.clicks:
        raise SystemExit(f"{delivered} of {setting.clicks} clicks were delivered")
    return Rate(delivered / seconds, cpu_seconds / delivered * 1e6)


def memory(port: int, count: int) -> None:
    """Print what an undelivered click weighs in Redis."""
    with Redis(LOCALHOST, port) as client:
        log = ClickLog(client)

        def used() -> int:
            return int(client.info("memory")["used_memory"])

        client.flushall()
        log.delivery.create()
        before = used()
        size = fill(log, count)
        logged = used()
        while log.delivery.read_new("worker", 1000):
            pass
        held = used()
        client.flushall()
        fill(log, count, with_visitors=True)
        with_visitors = used()
    print(f"\nRedis memory, {count:,} clicks{'bytes a click':>26}")
    for name, value in (
        ("the record itself", size),
        ("a click in the log", logged - before),
        ("more while a worker holds it", held - logged),
        ("more for a visitor not seen before", with_visitors - logged),
    ):
        print(f"{name:<36}{value / count:>16,.0f}")


class Places(NamedTuple):
    """Where Valkey listens, and the addresses of what plays DynamoDB, by name."""

    redis_port: int
    dynamodb: dict[str, str]


@contextmanager
def servers() -> Iterator[Places]:
    """A Valkey, the stand-in at several distances, and moto's DynamoDB."""
    redis_port, aws_port = free_port(), free_port()
    moto = f"http://{LOCALHOST}:{aws_port}"
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(Service("valkey", valkey_command(redis_port, directory), redis_port))
        places = Places(redis_port, {})
        for name, latency_ms in (("takes at once", 0), ("5 ms away", 5), ("15 ms away", 15)):
            port = free_port()
            stack.enter_context(Service(name, dynamodb_stub.command(port, latency_ms=latency_ms), port))
            places.dynamodb[name] = f"http://{LOCALHOST}:{port}"
        stack.enter_context(Service("moto", aws_command(aws_port), aws_port))
        places.dynamodb["moto's server"] = moto
        boto3.client("dynamodb", region_name=settings.AWS_DYNAMODB_REGION, endpoint_url=moto).create_table(
            TableName=settings.AWS_DYNAMODB_TABLE_NAME,
            KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield places


def of_an_answer(places: Places, clicks: int, runs: int) -> None:
    """Print the CPU time of delivering a click beside that of answering it, measured in turns on one core."""
    measured = msgspec.structs.replace(FULL, records=ANSWERED_RECORDS)
    with ExitStack() as stack:
        bench = Bench(stack, Cores.take(), measured)
        web = bench.full()
        setting = Setting("takes at once", places.dynamodb["takes at once"], clicks, core=bench.cores.server)
        pairs = [
            (web.run(measured.seconds, 4 * CONNECTIONS).cpu_us, rate(setting, places.redis_port).cpu_us)
            for _ in range(runs)
        ]
    answer, delivered = (statistics.median(one) for one in zip(*pairs, strict=True))
    shares = [pair[1] / pair[0] for pair in pairs]
    print(f"\nCPU us a click: answered {answer:.0f}, delivered {delivered:.0f}; of an answer", end=" ")
    print(f"{statistics.median(shares):.2f} ({min(shares):.2f} to {max(shares):.2f})")


def main() -> None:
    """Measure each setting several times, and print the medians."""
    parser = argparse.ArgumentParser(prog="make bench-delivery", description=__doc__)
    parser.add_argument("--clicks", type=int, default=20_000, help="how many a run (default: 20,000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each setting (default: 3)")
    parser.add_argument("--memory", type=int, default=100_000, help="clicks to weigh (default: 100,000)")
    parser.add_argument("--parallel", action="store_true", help="compare numbers of requests at once, too")
    parser.add_argument("--share", action="store_true", help="only delivery beside the answer")
    options = parser.parse_args()
    demand_wrk()
    with servers() as places:
        if not options.share:
            rates(places, options.clicks, options.runs, is_parallel_compared=options.parallel)
            memory(places.redis_port, options.memory)
        of_an_answer(places, options.clicks, options.runs)


def rates(places: Places, clicks: int, runs: int, *, is_parallel_compared: bool) -> None:
    """Print how fast clicks are delivered to each place."""
    compared = [
        Setting(name, places.dynamodb[name], clicks, parallel)
        for name in ("5 ms away", "15 ms away")
        for parallel in (1, 2, 4, 8, 16)
    ]
    chosen = [
        Setting(name, places.dynamodb[name], clicks, workers=workers)
        for name in ("takes at once", "15 ms away")
        for workers in (1, 2)
    ]
    chosen.insert(1, Setting("each another", places.dynamodb["takes at once"], clicks, decisions=clicks))
    chosen.append(Setting("moto's server", places.dynamodb["moto's server"], clicks // 4))
    print(f"{'DynamoDB':<18}{'workers':>8}{'at once':>9}{'clicks/s':>12}{'min':>10}{'max':>10}{'CPU us':>9}")
    for setting in (compared if is_parallel_compared else []) + chosen:
        found = [rate(setting, places.redis_port) for _ in range(runs)]
        speeds, cpu = [one.per_second for one in found], statistics.median(one.cpu_us for one in found)
        row = (
            f"{setting.name:<18}{setting.workers:>8}{setting.parallel:>9}{statistics.median(speeds):>12,.0f}"
        )
        print(f"{row}{min(speeds):>10,.0f}{max(speeds):>10,.0f}{cpu:>9,.0f}", flush=True)


if __name__ == "__main__":
    main()
