"""How long a request may take to arrive: real sockets, and a clock that runs faster."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from offers.http import limits
from offers.http.protocol import ClickProtocol
from tests.offers.exchanges import get
from tests.offers.http.serving import hang_up
from tests.processes import DEADLINE_SECONDS

HEAD = get(path=b"/")
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


@pytest.fixture(autouse=True)
def _fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(limits, "UNREAD_SECONDS", 0.2)
    return


# More than the buffers of a connection hold.
LARGE = b"b" * 32 * 1024**2


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers when the whole body is here, or with a large body, where the path says so."""
    if scope["path"] == "/large":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for at in range(0, len(LARGE), 32 * 1024):
            await send({"type": "http.response.body", "body": LARGE[at : at + 32 * 1024], "more_body": True})
        await send({"type": "http.response.body"})
        return
    is_here = False
    while not is_here:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        is_here = not message["more_body"]
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def served(script: Script, keep_alive_seconds: int = 60, *, to_the_end: bool = False) -> bytes:
    """What `script` reads over a connection to a server that speaks our protocol.

    With `to_the_end`, returns once the server has let the connection go.
    """

    async def serve() -> bytes:
        config = Config(application, lifespan="off", timeout_keep_alive=keep_alive_seconds, log_config=None)
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: ClickProtocol(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            port = server.sockets[0].getsockname()[1]
            streams = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
                    read = await script(*streams)
                    while to_the_end and state.connections:
                        await asyncio.sleep(0.02)
                    return read
            finally:
                await hang_up(streams[1], state)

    return asyncio.run(serve())


async def everything(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side hangs up, which it may do in the middle of our bytes."""
    read = b""
    with suppress(ConnectionError):
        while piece := await reader.read(1000):
            read += piece
    return read


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """One byte at a time, for as long as the other side listens."""
    with suppress(ConnectionError):
        while True:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "begin",
    [b"GET /", b"GET /offer?ad=", HEAD[:-2], HEAD + HEAD[:-2]],
    ids=["path", "query", "headers", "second"],
)
def test_a_head_that_never_ends_is_given_up(begin: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(begin)
        dripping = asyncio.create_task(drip(writer, b"x"))
        try:
            return await everything(reader)
        finally:
            dripping.cancel()

    assert served(script).count(b"HTTP/1.1 204 ") == begin.count(HEAD)


def test_a_body_that_never_ends_is_given_up() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        dripping = asyncio.create_task(drip(writer, b"x"))
        try:
            return await everything(reader)
        finally:
            dripping.cancel()

    assert served(script) == b""


CHUNKED = b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "dripping"),
    [(b"", b"0"), (b"5;", b"a"), (b"", b"1\r\na\r\n"), (b"0\r\n", b"A:\r\n"), (b"0\r\nA: ", b"a")],
    ids=["chunk size", "chunk extension", "chunks", "trailers", "a trailer"],
)
def test_what_comes_with_a_body_and_never_ends_is_given_up(begin: bytes, dripping: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST /" + CHUNKED + begin)
        drops = asyncio.create_task(drip(writer, dripping))
        try:
            return await everything(reader)
        finally:
            drops.cancel()

    assert served(script) == b""


@pytest.mark.parametrize("begin", [b"", HEAD], ids=["before a request", "after one"])
def test_empty_lines_keep_no_connection_open(begin: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(begin)
        drops = asyncio.create_task(drip(writer, b"\r\n"))
        try:
            return await everything(reader)
        finally:
            drops.cancel()

    assert served(script, keep_alive_seconds=1).count(b"HTTP/1.1 204 ") == begin.count(HEAD)


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"], ids=["kept", "closing"])
def test_who_does_not_read_its_answer_is_let_go(closing: bytes) -> None:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n" + closing + b"\r\n")
        return b""

    assert served(script, to_the_end=True) == b""


def test_who_reads_its_answer_slowly_gets_all_of_it() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        read = []
        while piece := await reader.read(1024**2):
            read.append(piece)
            if len(read) % 100 == 0:
                # Longer in all than anyone may take who reads nothing.
                await asyncio.sleep(0.02)
        return b"".join(read)

    assert served(script).count(b"b") >= len(LARGE)


def test_slow_but_steady_requests_are_answered() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        answers = b""
        for _ in range(6):
            for piece in (HEAD[:10], HEAD[10:]):
                writer.write(piece)
                await asyncio.sleep(0.06)
            answers += await reader.readuntil(b"\r\n\r\n")
        return answers

    assert served(script).count(b"HTTP/1.1 204 ") == 6


@pytest.mark.parametrize("begin", [b"", HEAD], ids=["before a request", "after one"])
def test_an_idle_connection_is_closed_in_silence(begin: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(begin)
        return await everything(reader)

    assert served(script, keep_alive_seconds=1).count(b"HTTP/1.1 204 ") == begin.count(HEAD)
