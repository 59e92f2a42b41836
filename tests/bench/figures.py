"""The figures of `make bench`, one function each; all of them run their subjects in turn, side by side."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path

import msgspec

from devstack.services import Service
from recipes.records.kinds import RecipeKind
from recipes.sync.child_process import NICENESS
from tests import web_servers
from tests.bench import traffic
from tests.bench.load import campaigns, offers, write
from tests.bench.stage import CONNECTIONS, Cores, Instance, Subject, environment, pinned, worker
from tests.processes import PROJECT
from tests.recipe import change_record

UPDATES_A_SECOND = 100
LOWEST_PRIORITY = 19
# Until the first of the loads has begun.
LOADING_SECONDS = 1


class Options(msgspec.Struct, frozen=True):
    """How much is measured: seconds of a run, runs, records of a recipe, sizes to compare, clicks made."""

    seconds: int
    runs: int
    records: int
    sizes: tuple[int, ...]
    requests: int


QUICK = Options(seconds=1, runs=1, records=300, sizes=(150, 300), requests=400)
FULL = Options(seconds=5, runs=5, records=100_000, sizes=(1_000, 100_000, 1_000_000), requests=20_000)


class Row(msgspec.Struct):
    """One line of the table. `share` is of the clicks a second of the subject named in `of`."""

    figure: str
    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int
    share: float | None = None
    of: str = ""


class Bench:
    """What the figures share: the cores, and one instance with its recipe."""

    def __init__(self, stack: ExitStack, cores: Cores, options: Options) -> None:
        self.stack = stack
        self.cores = cores
        self.options = options
        traffic.make_places()
        self.instance = Instance(stack, options.records, requests=options.requests)

    def subject(
        self, name: str, service: Service, instance: Instance | None = None, requests: Path | None = None
    ) -> Subject:
        """A server that runs, has its core for itself, and has seen its traffic once."""
        instance = instance or self.instance
        self.stack.enter_context(pinned(service, self.cores.server))
        subject = Subject(name, service, instance, requests or instance.mixed)
        subject.warm_up()
        return subject

    def constant(self) -> Subject:
        """The bare uvicorn."""
        return self.subject("bare uvicorn", web_servers.uvicorn_server("tests.bench.constant:application"))

    def full(self) -> Subject:
        """A web worker as it is."""
        return self.subject("full path", worker(self.instance))

    def take_turns(self, *subjects: Subject, rate: float = 0, connections: int = CONNECTIONS) -> None:
        """Run every subject, one after another, as often as asked for."""
        for _ in range(self.options.runs):
            for subject in subjects:
                subject.run(self.options.seconds, connections, rate)


def row(figure: str, subject: Subject, of: Subject | None = None, name: str = "") -> Row:
    """The medians of a subject's runs."""
    return Row(
        figure=figure,
        name=name or subject.name,
        per_second=subject.median("per_second"),
        p50_ms=subject.median("p50_us") / 1000,
        p99_ms=subject.median("p99_us") / 1000,
        cpu_us=subject.median("cpu_us"),
        failed=sum(run.load.failed for run in subject.runs),
        share=subject.share_of(of) if of else None,
        of=of.name if of else "",
    )


def share(bench: Bench) -> list[Row]:
    """1. The full path against a bare uvicorn that answers a constant 302; at more connections, too.

    A batch of clicks waits for Redis' disk, and the more clicks there are at once, the more share the wait.
    """
    bare, full = bench.constant(), bench.full()
    rows = []
    for connections in (CONNECTIONS, 4 * CONNECTIONS):
        bare.runs, full.runs = [], []
        bench.take_turns(bare, full, connections=connections)
        words = f"{connections} connections"
        rows += [
            row("1 share", bare, name=f"{bare.name}, {words}"),
            row("1 share", full, bare, name=f"{full.name}, {words}"),
        ]
    return rows


def latency(bench: Bench) -> list[Row]:
    """2. Latency at 32 connections and at half the peak rate, and what the group commit adds to it."""
    full = bench.full()
    unwritten = bench.subject("write left out", worker(bench.instance, "tests.bench.unwritten:application"))
    bench.take_turns(full)
    rows = [row("2 latency", full, name=f"{CONNECTIONS} connections")]
    rate = full.median("per_second") / 2
    full.runs.clear()
    bench.take_turns(full, unwritten, rate=rate)
    return [
        *rows,
        row("2 latency", full, name="half of the peak rate"),
        row("2 latency", unwritten, name="the same, write left out"),
    ]


def cases(bench: Bench) -> list[Row]:
    """3. The same with nothing remembered, with distinct tokens, and through the longest chain of rules."""
    instance, count = bench.instance, bench.options.requests
    # More than is remembered, so that each is forgotten before it comes again.
    fresh = traffic.fresh_links(instance.campaigns, instance.offers, random.Random(7))
    tokens = list(islice(fresh, 5 * count))
    strangers = instance.file("strangers", traffic.strangers(iter(tokens), len(tokens)))
    distinct = instance.file("distinct", traffic.mixed_once(tokens, count // 4))
    chained = instance.file("chained", traffic.chained(count, count // 4))
    full = bench.full()
    others = [
        bench.subject("all strangers: nothing remembered", worker(instance), requests=strangers),
        bench.subject("every token another", worker(instance), requests=distinct),
        bench.subject("longest chain of rules", worker(instance), requests=chained),
    ]
    bench.take_turns(full, *others)
    return [row("3 cases", full), *(row("3 cases", other, full) for other in others)]


def sizes(bench: Bench) -> list[Row]:
    """4. Recipes of different sizes."""
    subjects = []
    for records in bench.options.sizes:
        instance = Instance(bench.stack, records, requests=bench.options.requests)
        subjects.append(bench.subject(f"{records:,} records", worker(instance), instance))
    bench.take_turns(*subjects)
    return [row("4 records", subject, subjects[0]) for subject in subjects]


def workers(bench: Bench) -> list[Row]:
    """5. Two workers on two cores, of which one also carries wrk and Redis, against one on one."""
    one = bench.full()
    service = pinned(worker(bench.instance, workers=2), bench.cores.server, bench.cores.others)
    bench.stack.enter_context(service)
    two = Subject("two workers on two cores", service, bench.instance, bench.instance.mixed)
    two.warm_up()
    bench.take_turns(one, two)
    return [row("5 workers", one, name="one worker on one core"), row("5 workers", two, one)]


def reload(bench: Bench) -> list[Row]:
    """6. While 100 updates a second arrive, and while the recipe is loaded again and again as well.

    What a loop costs that does nothing beside them, at the lowest priority, is the machine's share of it.
    """
    full, rows = bench.full(), list[Row]()
    quiet: Subject | None = None
    for name, circumstances in (
        ("quiet", ()),
        ("an idle loop beside it", (looping(),)),
        ("100 updates/s", (updating(bench.instance),)),
        ("reload and 100 updates/s", (reloading(bench.instance), updating(bench.instance))),
    ):
        with ExitStack() as stack:
            for circumstance in circumstances:
                stack.enter_context(circumstance)
            bench.take_turns(full)
        measured = Subject(name, full.service, full.instance, full.requests)
        measured.runs, full.runs = full.runs, []
        rows.append(row("6 reload", measured, quiet))
        quiet = quiet or measured
    return rows


def through_django(bench: Bench) -> list[Row]:
    """7. The same clicks through Django."""
    full = bench.full()
    application = web_servers.uvicorn_server("cotraffic.asgi:application", **environment(bench.instance))
    django = bench.subject("Django", application)
    bench.take_turns(full, django)
    return [row("7 Django", full), row("7 Django", django, full)]


FIGURES: dict[str, Callable[[Bench], list[Row]]] = {
    "share": share,
    "latency": latency,
    "cases": cases,
    "records": sizes,
    "workers": workers,
    "reload": reload,
    "django": through_django,
}


@contextmanager
def looping() -> Iterator[None]:
    """A process that takes what is left of its core, and does nothing with it."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    os.setpriority(os.PRIO_PROCESS, process.pid, LOWEST_PRIORITY)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def updating(instance: Instance) -> Iterator[None]:
    """So many updates a second of the offers and campaigns that the clicks are on."""
    stop = threading.Event()
    records = {record["offerId"]: record for record in offers(min(instance.offers, 5000))}
    chance = random.Random(8)

    def update() -> None:
        while not stop.wait(1 / UPDATES_A_SECOND):
            offer_id = chance.choice(list(records))
            blob = json.dumps({**records[offer_id], "payin": f"{chance.uniform(1, 20):.8f}"}).encode()
            change_record(instance.store, RecipeKind.OFFERS, offer_id, blob)

    thread = threading.Thread(target=update)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def reloading(instance: Instance) -> Iterator[None]:
    """The whole recipe loaded from its files, over and over, as the listener loads it."""
    files = {
        "OFFERS_RECIPE_PATH": instance.directory / "offers.json.gz",
        "CAMPAIGNS_RECIPE_PATH": instance.directory / "campaigns.json.gz",
    }
    write(files["OFFERS_RECIPE_PATH"], offers(instance.offers))
    write(files["CAMPAIGNS_RECIPE_PATH"], campaigns(instance.campaigns, instance.offers))
    variables = {name: str(path) for name, path in files.items()}
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            process = subprocess.Popen(
                [sys.executable, "manage.py", "recipe_sync", "--from-file", "--force"],
                cwd=PROJECT,
                env={**os.environ, "REDIS_URL": instance.url, **variables},
                stdout=subprocess.DEVNULL,
            )
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            if process.wait() != 0:
                raise SystemExit("a load failed")

    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(LOADING_SECONDS)
    try:
        yield
    finally:
        stop.set()
        thread.join()
