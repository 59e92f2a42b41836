"""What is fuzzed: a production worker with a recipe, watched from outside: memory, log, restarts."""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import redis

from devstack.geoip import write_databases
from devstack.services import LOCALHOST, Service, free_port, port_answers, valkey_answers, valkey_command
from offers.click_log.stream import CONVERSIONS, LOG
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.conformance.instance import RECIPE, load_recipe
from tests.fuzz.mutations import KEYS
from tests.processes import PROJECT, command

START_SECONDS = 60.0
STOP_SECONDS = 30.0
# Caches that are full before the measurement begins, so that what grows after it is a leak.
CACHE_ENTRIES = "2000"
_TROUBLE = re.compile(
    rb'Traceback|"level": ?"(?:error|critical)"|\[(?:error|critical) *\]| (?:ERROR|CRITICAL) '
)

# Documented, and the machine's fault: the clicks are in the spool.
_SLOW_REDIS = re.compile(rb"clicks go to the spool")


class Target:
    """One gunicorn with one worker, a Valkey, and the recipe of the conformance cases."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._stack = ExitStack()
        self._log = directory / "worker.log"

    @property
    def offers(self) -> list[int]:
        """The ids of all offers."""
        return [record["offerId"] for record in RECIPE[RecipeKind.OFFERS]]

    @property
    def campaigns(self) -> list[int]:
        """The ids of all campaigns."""
        return [record["campaignId"] for record in RECIPE[RecipeKind.CAMPAIGNS]]

    def worker(self) -> int | None:
        """The process id of the worker, None while there is none."""
        children = Path(f"/proc/{self._gunicorn.pid}/task/{self._gunicorn.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def memory_bytes(self) -> int:
        """The resident memory of the worker."""
        pages = int(Path(f"/proc/{self.worker()}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def forget_clicks(self) -> None:
        """Empty the log, which nobody delivers here."""
        self._redis.xtrim(LOG, 0)
        self._redis.delete(CONVERSIONS)

    def trouble(self) -> list[str]:
        """What the worker has logged as an error, or with a traceback."""
        lines = self._log.read_bytes().splitlines()
        return [
            line.decode(errors="replace")
            for line in lines
            if _TROUBLE.search(line) and not _SLOW_REDIS.search(line)
        ]

    def log_lines(self) -> Counter[str]:
        """How many lines the worker has logged, by their first words without what varies."""
        return Counter(
            re.sub(r"^\S+ ?|[0-9a-f]{8,}|\d+", "", line.decode(errors="replace"))[:80]
            for line in self._log.read_bytes().splitlines()
        )

    def __enter__(self) -> Self:
        redis_port = free_port()
        (self._directory / "valkey").mkdir(parents=True)
        write_databases([], self._directory / "City.mmdb", self._directory / "ISP.mmdb")
        valkey = valkey_command(redis_port, self._directory / "valkey")
        self._stack.enter_context(Service("valkey", valkey, redis_port, valkey_answers))
        self._redis = self._stack.enter_context(redis.Redis(LOCALHOST, redis_port))
        load_recipe(RecipeStore(self._redis))
        variables = {
            "ENV": "production",
            "SECRET_KEY": "a-secret-key-of-more-than-fifty-characters-for-the-fuzzed-worker",
            "ALLOWED_HOSTS": "a.example",
            "HTTPS_ONLY": "false",
            "HOST": LOCALHOST,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "TRUSTED_PROXIES": "127.0.0.1",
            "AD_TOKEN_KEYS": KEYS,
            "REDIS_URL": f"redis://{LOCALHOST}:{redis_port}/0",
            "DATABASE_URL": f"sqlite:///{self._directory / 'fuzz.sqlite3'}",
            "CLICK_SPOOL_DIR": str(self._directory / "spool"),
            "MAXMIND_PATH": str(self._directory / "City.mmdb"),
            "MAXMIND_PATH_ISP": str(self._directory / "ISP.mmdb"),
            "VISITOR_CACHE_ENTRIES": CACHE_ENTRIES,
            "TOKEN_CACHE_ENTRIES": CACHE_ENTRIES,
            "CATALOG_CACHE_RECORDS": CACHE_ENTRIES,
        }
        migrated = command("manage.py", "migrate", "--skip-checks", **variables)
        assert migrated.returncode == 0, migrated.stderr
        gunicorn = ["-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application"]
        log = self._stack.enter_context(self._log.open("wb"))
        self._gunicorn = subprocess.Popen(
            [sys.executable, *gunicorn],
            cwd=PROJECT,
            env={**os.environ, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        self._stack.callback(self._stop)
        deadline = time.monotonic() + START_SECONDS
        while not (port_answers(self.port) and self.worker()):
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)
        return self

    def _stop(self) -> None:
        self._gunicorn.terminate()
        try:
            self._gunicorn.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._gunicorn.kill()
            self._gunicorn.wait()

    def __exit__(self, *_: object) -> None:
        self._stack.close()
