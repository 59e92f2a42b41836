"""The whole system on free ports and in a directory of its own, and what a fault may do to it."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from devstack.geoip import write_databases
from devstack.services import LOCALHOST, free_port, port_answers, valkey_answers, valkey_command
from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import dynamodb_stub, http_client
from tests.environment import ENCRYPTION_KEY
from tests.faults.supervisor import MARK, Program, Supervisor
from tests.processes import DEADLINE_SECONDS, PROJECT
from tests.recipe import make_live, offer_blob

PYTHON = sys.executable


class NotUp(Exception):
    """A part of the system does not come up; the message says which, and what it printed."""


class System:
    """Valkey, a stand-in of DynamoDB, gunicorn with two workers, a Celery worker and beat."""

    def __init__(
        self, directory: Path, disk_bytes: int = 0, variables: Mapping[str, str] | None = None
    ) -> None:
        """Prepare a system that keeps everything below `directory`; nothing runs before `start`.

        With `disk_bytes`, log and spool are on one disk of that size. `variables` change its environment.
        """
        self.directory = directory
        self.disk = directory / "disk" if disk_bytes else directory
        self._disk_bytes = disk_bytes
        self.spool = self.disk / "spool"
        self.archive = directory / "archive"
        self.web_port, self.redis_port, self.dynamodb_port = free_port(), free_port(), free_port()
        self.path = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
        self.supervisor = Supervisor(str(directory))
        self._environment = self._variables() | dict(variables or {})
        (directory / "logs").mkdir(parents=True)
        write_databases([], directory / "City.mmdb", directory / "ISP.mmdb")

    @property
    def dynamodb_url(self) -> str:
        """Where the stand-in of DynamoDB answers."""
        return f"http://{LOCALHOST}:{self.dynamodb_port}"

    def start(self) -> None:
        """Start everything; returns when clicks are answered and Celery works. Raises NotUp."""
        if self._disk_bytes:
            self.disk.mkdir()
            size = f"size={self._disk_bytes}"
            subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", size, "tmpfs", self.disk], check=True)
        for directory in (self.disk / "valkey", self.spool):
            directory.mkdir(exist_ok=True)
        self.redis = self._add("redis", valkey_command(self.redis_port, self.disk / "valkey"))
        store = self.directory / "dynamodb"
        self.dynamodb = self._add("dynamodb", dynamodb_stub.command(self.dynamodb_port, store))
        self._wait(lambda: valkey_answers(self.redis_port), self.redis)
        with self.redis_client() as client:
            recipe = RecipeStore(client)
            make_live(recipe, RecipeKind.OFFERS, {1: offer_blob(1)})
            campaign = {"campaignId": 1, "affiliateId": 1, "campaignStatus": "active"}
            make_live(recipe, RecipeKind.CAMPAIGNS, {1: json.dumps(campaign).encode()})
        gunicorn = ["-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application"]
        self.web = self._add("web", [PYTHON, *gunicorn])
        celery = [PYTHON, "-m", "celery", "-A", "cotraffic"]
        self.celery = self._add("celery", [*celery, "worker", "--concurrency", "2", "--loglevel", "info"])
        beat = ["beat", "--pidfile="]
        self.beat = self._add("beat", [*celery, *beat])
        self._wait(lambda: port_answers(self.web_port), self.web)
        self._wait(lambda: port_answers(self.dynamodb_port), self.dynamodb)
        self._wait(lambda: " ready." in self.celery.printed(), self.celery)
        self._wait(lambda: len(self.web_workers()) == 2, self.web)
        self._introduce()

    def web_workers(self) -> list[int]:
        """The process ids of the workers that the running gunicorn has."""
        return [pid for pid in self.web.group() if pid != self.web.pid]

    def limit_files(self, size: int | None) -> None:
        """Let no file that a web worker writes grow beyond `size` bytes; None: lift that."""
        for pid in self.web_workers():
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))

    def limit_descriptors(self) -> None:
        """Let no web worker open more than it has open now."""
        for pid in self.web_workers():
            limit = max(int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()) + 1
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))

    def unlimit_descriptors(self) -> None:
        """End that."""
        for pid in self.web_workers():
            _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))

    def spooled(self) -> int:
        """The files of the spool that hold clicks."""
        return sum(1 for path in self.spool.glob("*.ndjson") if _size(path))

    def dynamodb_mode(self, mode: str) -> None:
        """Put DynamoDB into one of `dynamodb_table.MODES`. Raises httpx.HTTPError."""
        http_client.post(f"{self.dynamodb_url}/_mode", json={"mode": mode}).raise_for_status()

    def redis_client(self) -> redis.Redis:
        """A client of the system's Redis."""
        return redis.Redis(LOCALHOST, self.redis_port)

    def status(self) -> dict[str, Any] | None:
        """What `manage.py clicks_status --json` says; None when it cannot say anything."""
        with suppress(subprocess.TimeoutExpired, ValueError):
            done = subprocess.run(
                [PYTHON, "manage.py", "clicks_status", "--json"],
                cwd=PROJECT,
                env=self._environment,
                capture_output=True,
                timeout=DEADLINE_SECONDS,
                check=False,
            )
            # 3 and 4 tell of clicks that wait and of dead letters.
            if done.returncode in (0, 3, 4):
                found: dict[str, Any] = json.loads(done.stdout)
                return found
        return None

    def logs(self) -> str:
        """The last of what every program printed."""
        return "\n".join(f"--- {program.name}\n{program.printed()}" for program in self.supervisor.programs)

    def stop(self) -> None:
        """End everything."""
        self.supervisor.stop()
        if self._disk_bytes:
            subprocess.run(["/bin/umount", "-l", self.disk], check=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _introduce(self) -> None:
        """Let each worker answer once, so that it knows the link should Redis go away."""
        for other in self.web_workers():
            os.kill(other, signal.SIGSTOP)
            try:
                status = http_client.head(f"http://{LOCALHOST}:{self.web_port}{self.path}").status_code
                if status != HTTPStatus.FOUND:
                    raise NotUp(f"a click is answered with {status}:\n{self.web.printed()}")
            finally:
                os.kill(other, signal.SIGCONT)

    def _add(self, name: str, command: list[str]) -> Program:
        log = self.directory / "logs" / name
        return self.supervisor.add(Program(name, command, self._environment, log))

    def _wait(self, condition: Callable[[], bool], program: Program) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise NotUp(f"{program.name} does not come up:\n{program.printed()}")
            time.sleep(0.05)

    def _variables(self) -> dict[str, str]:
        never = "86400"
        return {
            **os.environ,
            MARK: str(self.directory),
            "HOST": LOCALHOST,
            "PORT": str(self.web_port),
            "WEB_CONCURRENCY": "2",
            "REDIS_URL": f"redis://{LOCALHOST}:{self.redis_port}/0",
            "CELERY_BROKER_URL": f"redis://{LOCALHOST}:{self.redis_port}/0",
            "DATABASE_URL": f"sqlite:///{self.directory / 'django.sqlite3'}",
            "CLICK_SPOOL_DIR": str(self.spool),
            "CLICK_ARCHIVE_DIR": str(self.archive),
            "CLICK_COMMIT_TIMEOUT_MS": "250",
            "CLICK_LOG_KEEP": "100000",
            "AWS_DYNAMODB_ENDPOINT": self.dynamodb_url,
            "AWS_DYNAMODB_TABLE_NAME": "clicks",
            "MAXMIND_PATH": str(self.directory / "City.mmdb"),
            "MAXMIND_PATH_ISP": str(self.directory / "ISP.mmdb"),
            "PYTHONUNBUFFERED": "1",
            # There is no S3 here, where other tests may have one, and nothing to say about that every minute.
            "AWS_ENDPOINT_URL": f"http://{LOCALHOST}:{free_port()}",
            "OFFERS_RECIPE_PATH": str(self.directory / "offersRecipe.json.gz"),
            "CAMPAIGNS_RECIPE_PATH": str(self.directory / "campaignsRecipe.json.gz"),
            "RECIPE_SYNC_SECONDS": never,
            "RECIPE_RELOAD_SECONDS": never,
        }


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


class Load:
    """The client process, clicking from `start` to `stop`."""

    def __init__(self, system: System, rate: float, results: Path) -> None:
        self._results = results
        command = [PYTHON, "-m", "tests.faults.client", "--port", str(system.web_port), "--path", system.path]
        command += ["--rate", str(rate), "--out", str(results)]
        self._program = Program("client", command, dict(os.environ), system.directory / "logs" / "client")

    def start(self) -> None:
        """Begin, and return when the first click has ended. Raises NotUp."""
        self._program.start()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (self._results.exists() and self._results.stat().st_size):
            if time.monotonic() > deadline or not self._program.is_running:
                raise NotUp(f"the client does not click:\n{self._program.printed()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Send no more clicks, and wait for the answers that are still owed. Raises NotUp."""
        self._program.signal(signal.SIGTERM)
        if self._program.wait():
            raise NotUp(f"the client failed:\n{self._program.printed()}")

    def kill(self) -> None:
        """End it at once."""
        self._program.kill()
