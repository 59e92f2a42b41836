"""How long a request may take to arrive: real sockets, and a clock that runs faster."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from cotraffic import limited_protocol
from cotraffic.click_protocol import ClickProtocol
from tests.offers.exchanges import get

HEAD = get(path=b"/")
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bytes]]


@pytest.fixture(autouse=True)
def _fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_protocol, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(limited_protocol, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(limited_protocol, "BODY_SECONDS", 0.2)
    return


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers when the whole body is here."""
    while (message := await receive())["type"] != "http.disconnect" and message["more_body"]:
        pass
    if message["type"] != "http.disconnect":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


def served(script: Script, keep_alive_seconds: int = 60) -> bytes:
    """What `script` reads over a connection to a server that speaks our protocol."""

    async def serve() -> bytes:
        config = Config(application, lifespan="off", timeout_keep_alive=keep_alive_seconds, log_config=None)
        config.load()
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: ClickProtocol(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            streams = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            try:
                async with asyncio.timeout(20):
                    return await script(*streams)
            finally:
                streams[1].close()

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
