"""Clicks at a constant rate, whatever happens to the server: `python -m tests.faults.client --help`.

The rate is an open loop: a click is sent when it is due, and not when the one before it was answered. Every
click becomes one line of the file, written as soon as its end is known:

    <ms when due> <ms when it ended> <outcome> <lid or status>

in milliseconds since the epoch. Outcomes:

- `answered`: a 302; the lid from its Location.
- `status`: an answer that is no redirect with a lid.
- `refused`: it was never sent, for nothing listens (or nothing accepts) there.
- `unanswered`: it was sent, and the connection ended or `ANSWER_SECONDS` passed without an answer.
"""

import argparse
import asyncio
import re
import signal
import time
from asyncio import Future
from collections import deque
from pathlib import Path
from typing import IO, cast

import uvloop

from devstack.services import LOCALHOST

ANSWER_SECONDS = 10.0
CONNECT_SECONDS = 3.0
TICK_SECONDS = 0.002
MAX_CONNECTIONS = 2000

_LID = re.compile(rb"^location: [^\r\n]*[?&]lid=([0-9a-f-]+)", re.IGNORECASE | re.MULTILINE)
_LENGTH = re.compile(rb"^content-length: *([0-9]+)", re.IGNORECASE | re.MULTILINE)


class Unanswered(Exception):
    """The connection ended before the answer was complete."""


class Connection(asyncio.Protocol):
    """One keep-alive connection, with at most one request under way."""

    def __init__(self) -> None:
        self.is_closed = False
        self._received = b""
        self._answer: Future[bytes] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes) -> "Future[bytes]":
        """Send one request; gives the answer's head. The future raises `Unanswered`."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        head = self._received[:end]
        length = _LENGTH.search(head)
        if len(self._received) < end + 4 + int(length[1] if length else 0):
            return
        self._received = b""
        if b"\nconnection: close" in head.lower():
            self.is_closed = True
            self._transport.close()
        answer, self._answer = self._answer, None
        if not answer.done():
            answer.set_result(head)

    def connection_lost(self, problem: Exception | None) -> None:
        self.is_closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unanswered(str(problem or "closed")))


class Clicker:
    """Sends clicks to a port of localhost, and writes down what became of each."""

    def __init__(self, port: int, path: str, results: IO[str]) -> None:
        self._port, self._path, self._results = port, path, results
        self._idle: deque[Connection] = deque()
        self._open = 0
        self._sent = 0

    async def run(self, rate: float, seconds: float, stop: asyncio.Event) -> None:
        """Click `rate` times a second until `seconds` have passed or `stop` is set; wait for the answers."""
        pending: set[asyncio.Task[None]] = set()
        started, begun_ms, due = time.monotonic(), time.time() * 1000, 0
        while not stop.is_set() and (passed := time.monotonic() - started) < seconds:
            for at in range(due, int(passed * rate)):
                task = asyncio.create_task(self._click(begun_ms + at / rate * 1000))
                pending.add(task)
                task.add_done_callback(pending.discard)
            due = int(passed * rate)
            await asyncio.sleep(TICK_SECONDS)
        if pending:
            await asyncio.wait(pending)
        while self._idle:
            self._drop(self._idle.pop())

    def _request(self) -> bytes:
        # Visitors differ, so that the system has something to decide and to remember.
        self._sent += 1
        number = self._sent
        address = f"24.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return (
            f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\r\n"
        ).encode()

    async def _click(self, due_ms: float) -> None:
        connection = await self._connection()
        if connection is None:
            self._note(due_ms, "refused", "-")
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                head = await connection.send(self._request())
        except (Unanswered, TimeoutError) as error:
            self._note(due_ms, "unanswered", "closed" if isinstance(error, Unanswered) else "timeout")
            self._drop(connection)
            return
        lid = _LID.search(head) if head[9:12] == b"302" else None
        self._note(due_ms, *(("answered", lid[1].decode()) if lid else ("status", head[9:12].decode())))
        if connection.is_closed:
            self._drop(connection)
        else:
            self._idle.append(connection)

    async def _connection(self) -> Connection | None:
        """A connection that is open; None where there is none to be had."""
        while self._idle:
            # The one used last: those that are no longer needed stay idle.
            connection = self._idle.pop()
            if not connection.is_closed:
                return connection
            self._drop(connection)
        if self._open >= MAX_CONNECTIONS:
            return None
        self._open += 1
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                loop = asyncio.get_running_loop()
                return (await loop.create_connection(Connection, LOCALHOST, self._port))[1]
        except (OSError, TimeoutError):
            self._open -= 1
            return None

    def _drop(self, connection: Connection) -> None:
        self._open -= 1
        connection.close()

    def _note(self, due_ms: float, outcome: str, detail: str) -> None:
        self._results.write(f"{due_ms:.1f} {time.time() * 1000:.1f} {outcome} {detail}\n")


async def click(port: int, path: str, rate: float, seconds: float, results: Path) -> None:
    """Run a `Clicker` that ends early on SIGTERM. Raises OSError when `results` cannot be written."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with results.open("w", buffering=1) as file:
        await Clicker(port, path, file).run(rate, seconds, stop)


def main() -> None:
    """Parse the command line and click."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.client", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--port", type=int, required=True, help="where the web process listens on localhost")
    parser.add_argument("--path", required=True, help="what is asked, such as /offer?ad=...")
    parser.add_argument("--rate", type=float, default=300, help="clicks a second (default: 300)")
    parser.add_argument("--seconds", type=float, default=3600, help="for how long (default: an hour)")
    parser.add_argument("--out", type=Path, required=True, help="the file with one line per click")
    options = parser.parse_args()
    uvloop.run(click(options.port, options.path, options.rate, options.seconds, options.out))


if __name__ == "__main__":
    main()
