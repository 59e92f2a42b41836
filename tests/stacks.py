"""The whole system for tests: the devstack as a developer starts it, on free ports."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from devstack.environment import PROJECT
from devstack.services import LOCALHOST, free_ports
from tests.processes import DEADLINE_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINKS = re.compile(r"http://localhost:\d+/offer\S+")
ACCOUNT = re.compile(r"sign in as (\S+), password (\S+)")
PIDS = re.compile(r"(\w+) started \(pid=(\d+)\)")


def first_free_port() -> int:
    """The first of five free ports in a row, which nobody else is given."""
    return free_ports(5)


class Stack:
    """A devstack process of a test, with a shell's plain environment, and further variables."""

    def __init__(self, state: Path, port: int, **variables: str) -> None:
        self.port = port
        self.site_url = f"http://localhost:{port}"
        self.log = state.parent / f"{time.monotonic_ns()}.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(state), "PORT": str(port)}
        environment |= variables
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devstack", "--state", str(state)],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        return self.log.read_text()

    @property
    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in PIDS.findall(self.printed)}

    def wait_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.1)

    def links(self) -> list[str]:
        self.wait_until(lambda: len(LINKS.findall(self.printed)) >= 3)
        return LINKS.findall(self.printed)

    def account(self) -> tuple[str, str]:
        """Name and password of the staff account that it printed."""
        self.links()
        found = ACCOUNT.search(self.printed)
        assert found, self.printed
        return found[1], found[2]

    def s3(self) -> "S3Client":
        """A client of its S3."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://{LOCALHOST}:{self.port + 1}",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_SECONDS)
