"""A server that speaks our protocol over real sockets, in the event loop of a test."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from devstack.services import LOCALHOST
from offers.http.protocol import ClickProtocol
from tests.processes import DEADLINE_SECONDS

Application = Callable[[Any, Any, Any], Awaitable[None]]
Script = Callable[["Client"], Awaitable[bytes]]


class Client:
    """One connection to the server. `protocols` are the server's ends of all connections."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        protocols: list[ClickProtocol],
        state: ServerState,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.protocols = protocols
        self.state = state

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def head(self) -> bytes:
        """What comes up to the next empty line."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def everything(self) -> bytes:
        """What comes until the other side hangs up, which it may do in the middle of our bytes."""
        read = b""
        with suppress(ConnectionError):
            while piece := await self.reader.read(65536):
                read += piece
        return read


def served(application: Application, script: Script, **options: Any) -> bytes:
    """What `script` returns; `options` are of uvicorn's `Config`."""

    async def serve() -> bytes:
        config = Config(application, lifespan="off", log_config=None, ws="none", **options)
        config.load()
        state, protocols = ServerState(), list[ClickProtocol]()

        def connect() -> ClickProtocol:
            protocols.append(ClickProtocol(config, state, {}))
            return protocols[-1]

        server = await asyncio.get_running_loop().create_server(connect, LOCALHOST, 0)
        async with server, asyncio.timeout(DEADLINE_SECONDS):
            streams = await asyncio.open_connection(LOCALHOST, server.sockets[0].getsockname()[1])
            try:
                return await script(Client(*streams, protocols, state))
            finally:
                await hang_up(streams[1], state)

    return asyncio.run(serve())


async def hang_up(writer: asyncio.StreamWriter, state: ServerState) -> None:
    """End a client's connection and the server's side of it, which may not be reading."""
    writer.close()
    for protocol in list(state.connections):
        # Ours, until uvicorn's takes the connection over.
        transport = protocol._transport if isinstance(protocol, ClickProtocol) else protocol.transport
        transport.abort()
    while state.connections:
        await asyncio.sleep(0)


async def repeat(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with what it has received."""
    header = dict(scope["headers"]).get(b"x", b"")
    body = b" ".join((scope["path"].encode(), scope["query_string"], header, b""))
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Counting(ClickProtocol):
    """A connection that tells how many bytes it has parsed."""

    parsed = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        Counting.parsed += len(data)


async def repeated(parts: list[bytes]) -> bytes:
    """What `repeat` answers to parts, each sent when the one before it was parsed; the last is to end it."""
    config = Config(repeat, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Counting(config, ServerState(), {}, loop), LOCALHOST, 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with server, asyncio.timeout(DEADLINE_SECONDS):
        begin, sent = Counting.parsed, 0
        for part in parts:
            writer.write(part)
            sent += len(part)
            while Counting.parsed - begin != sent:
                await asyncio.sleep(0.001)
        answer = await reader.read()
        writer.close()
    return answer
