"""The client: many connections, kept and pipelined, that read every answer and judge it."""

import asyncio
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from devstack.services import LOCALHOST
from tests.fuzz.mutations import LAST, Fuzzer, Request

MAX_BATCH = 16
ANSWER_SECONDS = 30.0
# Bytes that are no complete request leave the server waiting, and need no patience of ours.
RAW_SECONDS = 0.3
KEPT_FAILURES = 20
# Stands for a documented 503 in the statuses.
COME_AGAIN = -503


class Closed(Exception):
    """The server has closed the connection."""


@dataclass
class Findings:
    """What came of it all: answers by kind and status, and the requests that should not have had theirs."""

    sent: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    unanswered: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str, request: Request) -> None:
        """Keep one failure, with what it takes to repeat it."""
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(f"{what}: {request.kind} {request.data[:600]!r}")


class Client:
    """One connection at a time, opened again when the server has closed it."""

    def __init__(self, port: int, fuzzer: Fuzzer, findings: Findings) -> None:
        self._port = port
        self._fuzzer = fuzzer
        self._findings = findings
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, requests: int, until: float) -> None:
        """Send until all clients together have sent so many, or until this time of `time.monotonic`."""
        chance, findings = self._fuzzer.chance, self._findings
        while findings.sent < requests and time.monotonic() < until:
            batch = [self._fuzzer.next() for _ in range(chance.randrange(1, MAX_BATCH + 1))]
            raw = next((at for at, request in enumerate(batch) if request.raw), None)
            # Bytes that are no request end a connection, in one way or another.
            batch = batch if raw is None else batch[: raw + 1]
            findings.sent += len(batch)
            try:
                await self._exchange(batch)
            except Closed:
                self._hang_up()
            except TimeoutError:
                findings.fail("no answer", batch[0])
                self._hang_up()
        self._hang_up()

    async def _exchange(self, batch: list[Request]) -> None:
        """Send a batch, and read the answers. Raises `Closed` and `TimeoutError`."""
        try:
            reader, writer = await self._connected()
            writer.write(b"".join(request.data for request in batch))
            if batch[-1].raw:
                writer.write(LAST)
            await writer.drain()
            for request in batch:
                await self._judge(reader, request)
            if batch[-1].raw:
                await self._rest(reader, batch[-1])
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Closed from error

    async def _judge(self, reader: asyncio.StreamReader, request: Request) -> None:
        if request.raw:
            return
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                status, closing = await _answer(reader, request.is_head)
            except asyncio.IncompleteReadError:
                self._findings.unanswered[request.kind] += 1
                raise
        self._findings.statuses[request.kind][status] += 1
        if status >= 500:
            self._findings.fail(f"status {status}", request)
        if closing:
            raise Closed

    async def _rest(self, reader: asyncio.StreamReader, request: Request) -> None:
        """Whatever the server says to bytes that may be anything; then the connection is given up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RAW_SECONDS):
                while True:
                    status, closing = await _answer(reader, request.data.startswith(b"HEAD"))
                    self._findings.statuses[request.kind][status] += 1
                    if status >= 500:
                        self._findings.fail(f"status {status}", request)
                    if closing:
                        break
        raise Closed

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(LOCALHOST, self._port)
        return self._streams

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _answer(reader: asyncio.StreamReader, is_head: bool) -> tuple[int, bool]:
    """Status of the next answer, and whether the server closes after it; its body is read and dropped.

    A 503 that asks to come again is what is documented for a Redis that does not answer in time, and the 503
    of /ready says so in JSON: both count as `COME_AGAIN`.
    """
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        if status != 100:
            break
    if status == 503 and (b"\r\nretry-after:" in head or b"application/json" in head):
        status = COME_AGAIN
    closing = b"\r\nconnection: close" in head
    if is_head or status in (204, 304):
        return status, closing
    mark = head.find(b"\r\ncontent-length:")
    if mark >= 0:
        await reader.readexactly(int(head[mark + 17 : head.index(b"\r\n", mark + 2)]))
    elif b"transfer-encoding: chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return status, closing


async def fuzz(port: int, fuzzers: list[Fuzzer], requests: int, seconds: float, findings: Findings) -> None:
    """Send so many requests over as many connections as there are fuzzers, for at most so many seconds."""
    until = time.monotonic() + seconds
    clients = [Client(port, fuzzer, findings) for fuzzer in fuzzers]
    await asyncio.gather(*map(partial(Client.run, requests=requests, until=until), clients))
