"""A socket.io server that says what a test wants it to say, on a real socket, in a thread of its own."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Any, Self

import socketio
import uvicorn

from devstack.services import LOCALHOST, wait_for_port
from tests.processes import DEADLINE_SECONDS


class FakeCoRecipe:
    """Remembers what it was asked, and answers a check with `numbers[event]` when that is another number."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.numbers: dict[str, Any] = {}
        self.requests: list[tuple[str, Any]] = []
        self.connections = 0

    @property
    def url(self) -> str:
        """What SOCKET_HOST is set to."""
        return f"http://{LOCALHOST}:{self.port}"

    def start(self) -> Self:
        """Serve, on the same port as before."""
        self._sio = socketio.AsyncServer(async_mode="asgi")
        self._sio.on("connect", self._on_connect)
        for event in ("fileSizeOffersCheck", "fileSizeCampaignsCheck"):
            self._sio.on(event, self._check_handler(event))
        app = socketio.ASGIApp(self._sio)
        config = uvicorn.Config(app, host=LOCALHOST, port=self.port, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        wait_for_port(self.port)
        return self

    def stop(self) -> None:
        """Stop at once, as a process that was killed: connections break."""
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(DEADLINE_SECONDS)

    def emit(self, event: str, *arguments: Any) -> None:
        """Send an event to everyone; several arguments are sent as several."""
        data = arguments[0] if len(arguments) == 1 else tuple(arguments)
        asyncio.run_coroutine_threadsafe(self._sio.emit(event, data), self._loop).result(5)

    def numbers_asked(self, event: str) -> list[Any]:
        """The numbers that came with a check."""
        return [number for name, number in self.requests if name == event]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._server.serve())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    async def _on_connect(self, *_: Any) -> None:
        self.connections += 1

    def _check_handler(self, event: str) -> Any:
        async def on_check(sid: str, number: Any = None) -> None:
            self.requests.append((event, number))
            own = self.numbers.get(event)
            if own and own != number:
                await self._sio.emit(event, own, to=sid)

        return on_check


def now_ms() -> int:
    """Our clock, as a message carries it."""
    return time.time_ns() // 1_000_000
