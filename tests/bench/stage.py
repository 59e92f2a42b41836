"""The stage of a measurement: one core for the server that is measured, another for everything else."""

import json
import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
from django.conf import settings
from redis import Redis

from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.click_log.stream import LOG
from recipes.store.store import RecipeStore
from tests import web_servers
from tests.bench import traffic
from tests.bench.wrk import Load, replay, send_once, write_requests

CONNECTIONS = 32
# The mixed traffic as a whole.
WARM_UP_CLICKS = 20_000


class Run(msgspec.Struct, frozen=True):
    """One run of wrk, and the CPU time in microseconds that the server took for each click."""

    load: Load
    cpu_us: float


class Cores(msgspec.Struct, frozen=True):
    """Which core is for what."""

    server: int
    others: int

    @classmethod
    def take(cls) -> "Cores":
        """Move this process, and so all it starts, to the core of everything else. Ends without two cores."""
        available = sorted(os.sched_getaffinity(0))
        if len(available) < 2:
            raise SystemExit("this needs two cores: one for the server, one for everything else")
        cores = cls(available[-1], available[0])
        os.sched_setaffinity(0, {cores.others})
        return cores


class Instance:
    """A Redis with a recipe of its own, and the requests that click on its links."""

    def __init__(self, stack: ExitStack, records: int, *, requests: int, append_only: bool = True) -> None:
        self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = free_port()
        command = valkey_command(port, self.directory, append_only=append_only)
        # A rewrite of the append-only file in the middle of a run would be the only thing one measured.
        command += ["--auto-aof-rewrite-percentage", "0"]
        stack.enter_context(Service("valkey", command, port, valkey_answers))
        self.url = f"redis://{LOCALHOST}:{port}/0"
        self.redis = Redis.from_url(self.url)
        self.store = RecipeStore(self.redis)
        self.records = records
        self.campaigns = traffic.make_recipe(self.store, records)
        self.offers = records // 3
        self.links = traffic.links(self.campaigns, self.offers)
        self._count = requests
        self.mixed = self.file("mixed", traffic.mixed(self.links, requests // 4, requests))

    def file(self, name: str, requests: "traffic.Requests") -> Path:
        """A file of requests."""
        return write_requests(self.directory / f"{name}.requests", requests)

    def forget_clicks(self) -> None:
        """Empty the log, and let Redis finish what it has to do for that."""
        self.redis.unlink(LOG)
        if self.redis.config_get("appendonly")["appendonly"] == "yes":
            self.redis.bgrewriteaof()
            while self.redis.info("persistence")["aof_rewrite_in_progress"]:
                time.sleep(0.05)


class Subject:
    """A server on its core, the instance behind it, and what is sent to it."""

    def __init__(self, name: str, service: Service, instance: Instance, requests: Path) -> None:
        self.name = name
        self.service = service
        self.instance = instance
        self.requests = requests
        self.runs: list[Run] = []

    def warm_up(self) -> None:
        """Let it see its traffic once, as soon as it answers at all."""
        send_once(self.service.port, self.requests, WARM_UP_CLICKS)
        self.instance.forget_clicks()

    def run(self, seconds: int, connections: int = CONNECTIONS, rate: float = 0) -> Run:
        """Measure once. Every answered click must be in the log, where clicks are logged at all."""
        before = cpu_seconds(self.service)
        load = self._replay(seconds, connections, rate)
        run = Run(load, (cpu_seconds(self.service) - before) / load.requests * 1e6)
        self.runs.append(run)
        return run

    def _replay(self, seconds: int, connections: int, rate: float) -> Load:
        self.instance.forget_clicks()
        load = replay(
            f"http://{LOCALHOST}:{self.service.port}/offer", self.requests, seconds, connections, rate
        )
        logged = int(self.instance.redis.xlen(LOG))
        if logged and not load.failed and logged < load.requests:
            raise SystemExit(f"{self.name}: {load.requests} clicks were answered, {logged} are in the log")
        self.instance.forget_clicks()
        return load

    def median(self, what: str) -> float:
        """The median over the runs: of `per_second`, `cpu_us`, or a field of `Load`."""
        return statistics.median(value(run, what) for run in self.runs)

    def share_of(self, other: "Subject") -> float:
        """The median of the shares that this one's clicks a second are of the other's, run by run."""
        pairs = zip(self.runs, other.runs, strict=True)
        return statistics.median(mine.load.per_second / its.load.per_second for mine, its in pairs)


def value(run: Run, what: str) -> float:
    """One figure of a run, by name."""
    return run.cpu_us if what == "cpu_us" else float(getattr(run.load, what))


def pinned(service: Service, *cores: int) -> Service:
    """The service, bound to cores."""
    service.command = ["taskset", "--cpu-list", ",".join(map(str, cores)), *service.command]
    return service


def environment(instance: Instance) -> dict[str, str]:
    """What a server needs to know of its instance."""
    # On a busy machine Redis may take its time; clicks that went to the spool would be another measurement.
    return {"REDIS_URL": instance.url, "LOG_LEVEL": "ERROR", "CLICK_COMMIT_TIMEOUT_MS": "10000"}


def worker(instance: Instance, application: str = "cotraffic.asgi:application", workers: int = 1) -> Service:
    """gunicorn as in production."""
    variables = {**environment(instance), "WEB_CONCURRENCY": str(workers)}
    return web_servers.protocol_server(application, **variables)


def cpu_seconds(service: Service) -> float:
    """The CPU time of a server and all its processes since they started."""
    assert service.pid
    return sum(_cpu_seconds(pid) for pid in _family(service.pid))


def _family(pid: int) -> list[int]:
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return [pid, *(member for child in children for member in _family(child))]


def _cpu_seconds(pid: int) -> float:
    # The first figure is the nanoseconds that a thread has been on a core.
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def save(name: str, figures: object) -> Path:
    """Write figures as JSON under var/; gives the file."""
    path = Path(settings.BASE_DIR) / "var" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n")
    return path
