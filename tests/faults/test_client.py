"""The load client tells apart what became of a click."""

import asyncio
import io
import time
import uuid
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from devstack.services import LOCALHOST, free_port
from tests.faults.client import Clicker
from tests.faults.reconcile import Answers, read_answers
from tests.processes import DEADLINE_SECONDS

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


def clicks(handler: Handler | None, rate: float = 100, seconds: float = 0.5) -> Answers:
    """What the client notes of a server that does `handler` with each connection (None: it is away)."""

    async def run() -> str:
        port, notes = free_port(), io.StringIO()
        ends: list[StreamWriter] = []

        async def handle(reader: StreamReader, writer: StreamWriter) -> None:
            ends.append(writer)
            if handler:
                await handler(reader, writer)

        server = await asyncio.start_server(handle, LOCALHOST, port) if handler else None
        await Clicker(port, "/offer?ad=x", notes).run(rate, seconds, asyncio.Event())
        if server:
            server.close()
            for end in ends:
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()
        return notes.getvalue()

    return read_answers(asyncio.run(run()).splitlines())


async def redirect(reader: StreamReader, writer: StreamWriter) -> None:
    while await reader.read(4096):
        location = f"https://a.example/?x=1&lid={uuid.uuid4()}&y=2"
        writer.write(f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode())
    writer.close()


def test_redirects_are_answers() -> None:
    found = clicks(redirect)
    assert found.answered == len(found.lids) > 10
    assert found.no_answer == 0


def test_the_rate_is_kept_over_few_connections() -> None:
    connections = Counter[str]()

    async def counted(reader: StreamReader, writer: StreamWriter) -> None:
        connections["opened"] += 1
        await redirect(reader, writer)

    # A busy machine may not let client and server reach the rate; one good second shows it.
    until = time.monotonic() + DEADLINE_SECONDS
    while True:
        connections.clear()
        found = clicks(counted, rate=1000, seconds=1.0)
        if (found.answered > 500 and connections["opened"] < found.answered / 2) or time.monotonic() > until:
            break
    assert found.answered > 500
    assert connections["opened"] < found.answered / 2


def test_the_rate_does_not_wait_for_answers() -> None:
    async def slow(reader: StreamReader, writer: StreamWriter) -> None:
        await asyncio.sleep(0.5)
        await redirect(reader, writer)

    # One after the other, there would be one.
    assert clicks(slow).answered > 10


def test_other_answers_and_no_answers_and_refusals_are_told_apart() -> None:
    async def error(reader: StreamReader, writer: StreamWriter) -> None:
        while await reader.read(4096):
            writer.write(b"HTTP/1.1 503 -\r\ncontent-length: 3\r\n\r\nNo.")
        writer.close()

    async def hang_up(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read(4096)
        writer.close()

    found = clicks(error)
    assert found.other_status == found.no_answer > 10
    found = clicks(hang_up)
    assert found.unanswered == found.no_answer > 10
    found = clicks(None)
    assert found.refused == found.no_answer > 10
