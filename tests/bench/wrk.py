"""Load from wrk (https://github.com/wg/wrk): requests are made beforehand and replayed from a file."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from devstack.services import LOCALHOST

# gunicorn listens before its workers have started.
START_SECONDS = 60.0
WARM_UP_CONNECTIONS = 32
SCRIPT = Path(__file__).with_name("replay.lua")


class Load(msgspec.Struct, frozen=True):
    """What wrk saw: requests answered, answers that are an error, and latencies in microseconds."""

    requests: int
    microseconds: int
    failed: int
    p50_us: int
    p99_us: int
    max_us: int

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.requests / self.microseconds * 1e6


def demand_wrk() -> None:
    """End the program with what to do, where wrk is missing."""
    if shutil.which("wrk") is None:
        raise SystemExit(
            "wrk is missing. Debian and Ubuntu have it: `apt install wrk`; macOS: `brew install wrk`."
        )


def write_requests(path: Path, requests: Iterable[bytes]) -> Path:
    """Put requests where `replay` finds them."""
    with path.open("wb") as file:
        file.writelines(b"%06d%b" % (len(request), request) for request in requests)
    return path


def send_once(port: int, requests: Path, most: int) -> None:
    """Send the first requests of a file, each once, however long that takes."""
    with ExitStack() as stack:
        file = stack.enter_context(requests.open("rb"))
        connections = [
            stack.enter_context(socket.create_connection((LOCALHOST, port), START_SECONDS))
            for _ in range(WARM_UP_CONNECTIONS)
        ]
        for _ in range(0, most, WARM_UP_CONNECTIONS):
            sent = []
            for connection in connections:
                if size := file.read(6):
                    connection.sendall(file.read(int(size)))
                    sent.append(connection)
            for connection in sent:
                _read_answer(connection)


def _read_answer(connection: socket.socket) -> None:
    """Read one answer, which has no body."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        data = connection.recv(65536)
        if not data:
            raise SystemExit("the server closed the connection while it was warmed up")
        answer += data


def replay(url: str, requests: Path, seconds: int, connections: int, rate: float = 0) -> Load:
    """Send the requests over and over, `rate` of them a second (0: as many as are answered)."""
    command = [
        *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
        *("--timeout", "10s", "--script", str(SCRIPT), url, "--", str(requests), f"{rate:g}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"wrk ended with {done.returncode}: {done.stderr or done.stdout}")
    return msgspec.convert(json.loads(done.stdout.splitlines()[-1]), Load)
