"""A whole instance as its container runs it: the entrypoint, with an empty environment and an empty disk."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from devstack.services import LOCALHOST, free_port
from offers.links.tokens import encrypt
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.processes import DEADLINE_SECONDS, PROJECT, wait_until

# Machines' clicks bring no conversion message.
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
CLICK = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
# As /proc/net/tcp has it.
ESTABLISHED = "01"
SPAWNED = re.compile(r"spawned: '(\w+)' with pid (\d+)")


class Instance:
    """One running `deploy/entrypoint`; what it prints is in `log`."""

    def __init__(self, directory: Path, variables: dict[str, str]) -> None:
        self.port, self.redis_port = free_port(), free_port()
        self.url = f"http://{LOCALHOST}:{self.port}"
        self.data = directory / "data"
        self.log = directory / "log"
        given = {"HOST": LOCALHOST, "PORT": str(self.port), "REDIS_PORT": str(self.redis_port), **variables}
        self.environment_file = directory / "environment"
        self.environment_file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                clean(self.environment_file, self.data),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was printed; every line is JSON, or this raises."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def pid(self, program: str) -> int:
        """The process id of a program, which may have ended; 0 before its first start."""
        found = [int(pid) for name, pid in SPAWNED.findall(self.log.read_text()) if name == program]
        return found[-1] if found else 0

    def answer(self, path: str) -> int:
        """The status that a path is answered with, 0 while nobody answers."""
        try:
            return http_client.get(f"{self.url}{path}", headers={"Connection": "close"}).status_code
        except httpx.TransportError:
            return 0

    def click(self, path: str) -> str:
        """The lid of a click, from its redirect. Raises `httpx.HTTPError` when there was none."""
        answer = http_client.get(f"{self.url}{path}", headers={"Connection": "close", "User-Agent": PERSON})
        if answer.next_request is None:
            raise httpx.HTTPError(f"status {answer.status_code} instead of a redirect")
        return str(answer.next_request.url.params["lid"])

    def under_way(self) -> int:
        """How many connections have a request that it has read; each `click` has its own until the answer."""
        found = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, queues, *_ = line.split()
            waiting_to_be_read = int(queues.partition(":")[2], 16)
            found += state == ESTABLISHED and int(local[-4:], 16) == self.port and not waiting_to_be_read
        return found

    def wait_until_ready(self) -> None:
        """Return when clicks are welcome."""
        wait_until(lambda: self.answer("/ready") == 200, what="readiness")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the environment of the instance, as `docker exec` would run it."""
        arguments = clean(self.environment_file, self.data, *command)
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    def left_behind(self) -> list[str]:
        """The command lines of processes that run for this instance."""
        mark = f"DATA_DIR={self.data}\0".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
        return found

    def stop(self) -> int:
        """Send SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)


def clean(environment_file: Path, data: Path, *command: str) -> list[str]:
    """The entrypoint with nothing in its environment but where to find things."""
    variables = [f"ENVIRONMENT_FILE={environment_file}", f"DATA_DIR={data}"]
    return ["/usr/bin/env", "-i", *variables, str(PROJECT / "deploy" / "entrypoint"), *command]


@contextmanager
def running_instance(directory: Path, variables: dict[str, str]) -> Iterator[Instance]:
    """An instance until the block ends."""
    instance = Instance(directory, variables)
    try:
        yield instance
    finally:
        if instance.process.poll() is None:
            try:
                instance.stop()
            except subprocess.TimeoutExpired:
                for program in ("web", "listener", "worker", "beat", "drain", "redis"):
                    if pid := instance.pid(program):
                        os.killpg(pid, signal.SIGKILL)
                instance.process.kill()
                instance.process.wait()
        print(f"--- the instance\n{instance.log.read_text()}")
