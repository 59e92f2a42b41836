"""A server that speaks engine.io by hand, to send what no socket.io library would ever send."""

import asyncio
import json
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from devstack.services import LOCALHOST, free_port
from tests.processes import DEADLINE_SECONDS

HANDSHAKE = {"sid": "s", "upgrades": [], "pingInterval": 25_000, "pingTimeout": 20_000, "maxPayload": 10**9}


class RawCoRecipe:
    """Accepts websockets; `packets` are those received after the connect, of all connections."""

    def __init__(self) -> None:
        self.port = free_port()
        self.packets: list[str] = []
        self.connections = 0
        self._sockets: list[web.WebSocketResponse] = []
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])

    @property
    def url(self) -> str:
        """What SOCKET_HOST is set to."""
        return f"http://{LOCALHOST}:{self.port}"

    def send(self, packet: str | bytes) -> None:
        """Send one engine.io packet as it is to the newest connection; bytes are sent as binary.

        A client may hang up before it has read it all.
        """

        async def send() -> None:
            socket = self._sockets[-1]
            with suppress(ConnectionError):
                await (socket.send_bytes(packet) if isinstance(packet, bytes) else socket.send_str(packet))

        asyncio.run_coroutine_threadsafe(send(), self._loop).result(10)

    def send_event(self, *event: Any) -> None:
        """Send one proper event: its name and arguments."""
        self.send("42" + json.dumps(event))

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(DEADLINE_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_get("/socket.io/", self._on_websocket)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, LOCALHOST, self.port).start()
        self._started.set()
        await self._stopped.wait()
        for socket in self._sockets:
            await socket.close()
        await runner.cleanup()

    async def _on_websocket(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("transport") != "websocket":
            return web.Response(status=400)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("0" + json.dumps(HANDSHAKE))
        self.connections += 1
        self._sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data.startswith("40"):
                await socket.send_str('40{"sid":"t"}')
            elif message.type is WSMsgType.TEXT:
                self.packets.append(message.data)
        return socket
