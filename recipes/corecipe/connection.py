"""The connection to one co-recipe: reconnects for ever, and survives anything that is sent through it.

It knows the socket.io protocol in docs/protocol.md, and nothing of recipes but the names of their kinds.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import engineio
import socketio
import structlog
from engineio.packet import PONG, Packet

from lib.cancellation import is_cancelled
from recipes.records.kinds import RecipeKind
from recipes.store.status import HostState

CHECK_EVENTS = {RecipeKind.OFFERS: "fileSizeOffersCheck", RecipeKind.CAMPAIGNS: "fileSizeCampaignsCheck"}
UPDATE_EVENT = "updRecipe"
# Tried in this order by us: the library uses the first one only, and never falls back.
TRANSPORTS = ("websocket", "polling")
CONNECT_SECONDS = 10
LOOK_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 0.5
# co-recipe sends a message to those who are connected at that moment, and never again: reconnect fast.
LONGEST_PAUSE_SECONDS = 10.0
# After a connection that lasted this long, the pauses between attempts start small again.
GOOD_CONNECTION_SECONDS = 30.0
STOP_SECONDS = 0.4
# While we do not read, we send the server a sign of life, and check whether to read on, this often.
WORD_SECONDS = 10.0
ROOM_SECONDS = 0.02
MAX_ANNOUNCED_SIZE = 2**53
SHOWN_CHARACTERS = 200

logger = structlog.stdlib.get_logger(__name__)


def announced_number(arguments: tuple[object, ...]) -> int | None:
    """Return the number in co-recipe's answer to a check; None if it has no usable one."""
    value = arguments[0] if len(arguments) == 1 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_ANNOUNCED_SIZE:
        return value
    return None


class CoRecipeHandler(Protocol):
    """Receives the events of a connection."""

    async def on_connect(self, connection: "Connection") -> None:
        """Called when the connection is up."""

    async def on_announcement(self, kind: RecipeKind, number: int) -> None:
        """Called when co-recipe's number for a kind differs from ours."""

    def take_update(self, message: object) -> None:
        """Take an update that arrived; the message may be anything."""

    def has_room(self) -> bool:
        """Return whether more updates can be taken; if not, nothing is read from the connection."""

    def count_malformed(self, event: str, problem: str) -> None:
        """Count an event that cannot be read."""


class Connection:
    """Stays connected to one co-recipe, with growing, jittered pauses between attempts."""

    def __init__(self, url: str, handler: CoRecipeHandler) -> None:
        self.url = url
        self.state = HostState(url)
        self._handler = handler
        self._client: _Client | None = None

    @property
    def connected(self) -> bool:
        """Whether co-recipe can be asked now."""
        client = self._client
        # Both are checked: a late refusal leaves the transport open, and a lost transport the namespace.
        return client is not None and client.connected and client.eio.state == "connected"

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while not is_cancelled():
            started = time.monotonic()
            try:
                await self._connect()
                await self._stay()
                problem = "the connection ended"
            except Exception as error:
                # Any error: a broken server can make the library raise anything, and reconnecting cures it.
                problem = _shown(error)
            finally:
                self.state.connected_since_ms = None
                await self._disconnect()
            self.state.last_error = problem
            if time.monotonic() - started > GOOD_CONNECTION_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            logger.warning("co-recipe is away", url=self.url, problem=problem, next_try_s=round(pause, 1))
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
            pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def ask(self, kind: RecipeKind, announced_size: int) -> None:
        """Send co-recipe the number that is live here; it answers only if its own is different."""
        if self._client is None:
            return
        self.state.last_check_ms = _now_ms()
        with suppress(socketio.exceptions.SocketIOError):
            await self._client.emit(CHECK_EVENTS[kind], announced_size)

    async def _connect(self) -> None:
        """Connect by the first transport that works. Raises the error of the last one if none does."""
        for transport in TRANSPORTS:
            # A new client for every attempt: the last one may be left half connected.
            self._client = self._new_client()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._client.connect(self.url, transports=[transport], wait_timeout=CONNECT_SECONDS)
                return
            except (socketio.exceptions.ConnectionError, TimeoutError):
                await self._disconnect()
                if transport == TRANSPORTS[-1]:
                    raise

    async def _stay(self) -> None:
        """Return when the connection has ended."""
        self.state.connected_since_ms, self.state.last_error = _now_ms(), None
        logger.info("connected to co-recipe", url=self.url)
        await self._handler.on_connect(self)
        while self.connected and not is_cancelled():
            await asyncio.sleep(LOOK_SECONDS)

    async def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                async with asyncio.timeout(STOP_SECONDS):
                    await client.disconnect()

    def _new_client(self) -> "_Client":
        client = _Client(self._handler.count_malformed)
        client.eio.has_room = self._handler.has_room
        for kind, event in CHECK_EVENTS.items():
            client.on(event, self._answer_handler(kind))
        client.on(UPDATE_EVENT, self._on_update)
        client.on("*", self._on_unknown)
        return client

    def _answer_handler(self, kind: RecipeKind) -> Any:
        async def on_answer(*arguments: object) -> None:
            number = announced_number(arguments)
            if number is None:
                self._handler.count_malformed(CHECK_EVENTS[kind], "no usable number")
                return
            self.state.last_answer_ms = _now_ms()
            self.state.last_answer = f"{kind}: {number}"
            await self._handler.on_announcement(kind, number)

        return on_answer

    async def _on_update(self, *arguments: object) -> None:
        self._handler.take_update(arguments[0] if len(arguments) == 1 else None)

    async def _on_unknown(self, event: Any, *_: object) -> None:
        self._handler.count_malformed(repr(event)[:SHOWN_CHARACTERS], "unknown event")


class _Transport(engineio.AsyncClient):  # type: ignore[misc]
    """The library's transport, with back-pressure: it stops reading while there is no room for updates."""

    has_room: Callable[[], bool]

    async def _receive_packet(self, pkt: Any) -> None:
        next_word = time.monotonic() + WORD_SECONDS
        while not self.has_room():
            await asyncio.sleep(ROOM_SECONDS)
            if time.monotonic() >= next_word:
                # The server's pings wait unread too, so it would drop us: send a sign of life unasked.
                await self._send_packet(Packet(PONG))
                next_word = time.monotonic() + WORD_SECONDS
        await super()._receive_packet(pkt)


class _Client(socketio.AsyncClient):  # type: ignore[misc]
    """The library's client, which reports packets that it cannot read."""

    _binary_packet: Any

    def __init__(self, count_malformed: Callable[[str, str], None]) -> None:
        super().__init__(reconnection=False, handle_sigint=False, logger=False)
        self._count_malformed = count_malformed

    def _engineio_client_class(self) -> type[_Transport]:
        return _Transport

    async def _handle_eio_message(self, data: Any) -> None:
        # The library would wait for the attachments of a binary event for ever, and treat every later message
        # as one. Attachments are always bytes, so a text message ends the wait.
        if self._binary_packet is not None and not isinstance(data, bytes):
            self._binary_packet = None
            self._count_malformed("a binary event", "its attachments are missing")
        try:
            await super()._handle_eio_message(data)
        except Exception as error:
            self._binary_packet = None
            self._count_malformed("a packet that is no event", _shown(error))


def _shown(problem: Exception) -> str:
    """Describe an error in one line that can be logged and stored, whatever a server put into it."""
    return ascii(str(problem) or type(problem).__name__)[1:-1][:SHOWN_CHARACTERS]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
