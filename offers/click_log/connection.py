"""A worker's own connection to the click log: pipelined RESP over one socket.

A client library would work as well, at several times the cost of everything else in a commit. The protocol:
https://redis.io/docs/latest/develop/reference/protocol-spec/.
"""

import asyncio
import socket
import time
from asyncio import Future
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, cast

import hiredis
import structlog
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.credentials import UsernamePasswordCredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from lib.circuit_breaker import CircuitBreaker
from lib.redis_memory import parse_memory
from lib.redis_url import open_connection, read_url
from offers.click_log.scripts import APPEND
from offers.click_log.stream import APPEND_KEYS, PROBE, SEEN_SECONDS, append_arguments
from offers.live_caps.counts import CountRow
from offers.live_caps.store import script_arguments
from offers.spool.types import PendingClick

OPEN_SECONDS = 1.0
RECONNECT_SECONDS = 0.25
# After a failure clicks go to the spool until a probe succeeds. Each failed probe doubles the pause.
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
MEMORY_CHECK_SECONDS = 1.0
PROBE_KEPT_MS = 60_000

logger = structlog.stdlib.get_logger(__name__)


class NotTaken(RedisError):
    """Redis takes no clicks at present, so none was sent."""


class LogConnection:
    """The connection; `keep_open` opens it again whenever it is lost.

    It refuses clicks from a failure until a probe succeeds, and while Redis uses so much of its memory that
    the rest is reserved for delivery.
    """

    def __init__(self, url: str, memory_percent: float = 100.0) -> None:
        """Clicks are refused while Redis uses more than `memory_percent` of its memory.

        Raises `BadRedisUrl`.
        """
        self._url = url
        self._open_seconds = read_url(url).get("socket_connect_timeout", OPEN_SECONDS)
        self._memory_percent = memory_percent
        self._pipe: _Pipe | None = None
        self._append: tuple[str | bytes | int, ...] = ()
        self._append_uncounted: tuple[str | bytes | int, ...] = ()
        self._breaker = CircuitBreaker(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._is_full = False
        self._weighed_at = 0.0
        self._complained = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection on which Redis can be asked."""
        return self._pipe is not None and not self._pipe.is_closed

    @property
    def takes_clicks(self) -> bool:
        """Whether clicks may be sent to Redis."""
        return self._breaker.is_closed and not self._is_full and self.is_open

    def append(self, clicks: Iterable[PendingClick], rows: Sequence[CountRow] = ()) -> "Future[Any]":
        """Write clicks into the log, but for those that the live counts of `rows` have no room for.

        The future's result is what each count came to, and the places of the clicks without room. It raises
        `RedisError`; then some or all of the clicks may have been written nevertheless. Raises `NotTaken` if
        nothing was sent.
        """
        if self._pipe is None or not self.takes_clicks:
            raise NotTaken("Redis takes no clicks")
        before = (*self._append, *script_arguments(rows)) if rows else self._append_uncounted
        return self._pipe.send(append_arguments(before, clicks))

    def command(self, *words: str | bytes | int) -> "Future[Any]":
        """Send a command. The future has Redis' reply, or raises `RedisError`."""
        if self._pipe is None or self._pipe.is_closed:
            away: Future[Any] = asyncio.get_running_loop().create_future()
            away.set_exception(RedisConnectionError("Redis is away"))
            return away
        return self._pipe.send(words)

    async def keep_open(self) -> None:
        """Keep the connection open, and check whether Redis takes clicks, until cancelled."""
        while True:
            if self.is_open:
                await self._look()
            else:
                await self.open()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def open(self) -> bool:
        """Try once to open the connection. Returns whether it is open now."""
        try:
            async with asyncio.timeout(self._open_seconds):
                self._pipe = await self._connected()
        except (RedisError, OSError, TimeoutError) as error:
            self._complain(str(error) or "no answer")
            return False
        self._weighed_at = 0.0
        await self._look()
        return self.is_open

    def failed(self, problem: Exception, reason: str) -> None:
        """Refuse clicks until a probe succeeds; close a connection on which no answer came."""
        self._breaker.fail(time.monotonic())
        self._complain(reason)
        if not isinstance(problem, ResponseError):
            self.close(reason)

    async def try_out(self) -> None:
        """Open a connection as a worker does, run the script for no click, and close it.

        Raises `RedisError`, `OSError` or `TimeoutError` if a worker could not write clicks.
        """
        async with asyncio.timeout(self._open_seconds):
            pipe = await self._connected()
            try:
                await pipe.send(self._append_uncounted)
            finally:
                pipe.close("it was only tried")

    def close(self, reason: str) -> None:
        """Close the connection because of `reason`; commands without an answer will get none."""
        if self._pipe is not None and not self._pipe.is_closed:
            self._complain(reason)
            self._pipe.close(reason)

    async def weigh(self) -> None:
        """Check whether Redis uses more memory than it may for clicks. Raises `RedisError`."""
        self._weighed_at = time.monotonic()
        try:
            memory = parse_memory(await self.command("INFO", "memory"))
        except ResponseError:
            # This Redis does not show its memory. If it is full, it refuses a click.
            return
        self._is_full = memory.exceeds(self._memory_percent, did=self._is_full)
        if self._is_full:
            self._complain(f"Redis uses {memory.percent:.0f} % of its memory; the rest is for delivery")

    async def _look(self) -> None:
        now = time.monotonic()
        if now - self._weighed_at >= MEMORY_CHECK_SECONDS:
            try:
                await self.weigh()
            except RedisError:
                # The connection was lost meanwhile.
                return
        if self._breaker.may_probe(now):
            await self._probe()
        if self._complained and self.takes_clicks:
            logger.info("clicks go to Redis again")
            self._complained = False

    async def _probe(self) -> None:
        """Write a small key: a Redis that is full or read-only refuses it as it would refuse a click."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self.command("SET", PROBE, "", "PX", PROBE_KEPT_MS)
        except (RedisError, TimeoutError) as error:
            self.failed(error, str(error) or "no answer")
        else:
            self._breaker.succeed(time.monotonic())

    def _complain(self, reason: str) -> None:
        # Once per outage, however many batches fail.
        if not self._complained and reason != "the worker stops":
            logger.error("clicks go to the spool", reason=reason)
            self._complained = True

    async def _connected(self) -> "_Pipe":
        # Made anew each time: it reads certificates from files, which may have been replaced.
        described = open_connection(self._url)
        pipe = await _open_pipe(described)
        try:
            if described.username or described.password:
                login: Any = UsernamePasswordCredentialProvider(described.username, described.password)
                await pipe.send(("AUTH", *login.get_credentials()))
            if described.client_name:
                await pipe.send(("CLIENT", "SETNAME", described.client_name))
            if described.db:
                await pipe.send(("SELECT", described.db))
            script = await pipe.send(("SCRIPT", "LOAD", APPEND))
        except BaseException:
            pipe.close("it cannot be used")
            raise
        self._append = ("EVALSHA", script, len(APPEND_KEYS), *APPEND_KEYS, SEEN_SECONDS)
        self._append_uncounted = (*self._append, *script_arguments())
        return pipe


async def _open_pipe(described: Any) -> "_Pipe":
    """Connect to the address of redis-py's connection, with TLS as it would use it."""
    loop = asyncio.get_running_loop()
    if isinstance(described, UnixDomainSocketConnection):
        _, pipe = await loop.create_unix_connection(_Pipe, described.path)
        return pipe
    secure = described.ssl_context.get() if isinstance(described, SSLConnection) else None
    transport, pipe = await loop.create_connection(_Pipe, described.host, described.port, ssl=secure)
    if described.socket_keepalive:
        # Detects a peer that is gone without closing, so that the next batch does not wait for it.
        of = transport.get_extra_info("socket")
        of.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in described.socket_keepalive_options.items():
            of.setsockopt(socket.IPPROTO_TCP, option, value)
    return pipe


class _Pipe(asyncio.Protocol):
    """One TCP connection. Replies come in the order of the commands."""

    def __init__(self) -> None:
        self.is_closed = False
        self._reader = hiredis.Reader()
        self._owed: deque[Future[Any]] = deque()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()

    def send(self, words: Sequence[str | bytes | int]) -> "Future[Any]":
        reply: Future[Any] = self._loop.create_future()
        self._owed.append(reply)
        self._transport.write(hiredis.pack_command(tuple(words)))  # type: ignore[arg-type]  # they mix
        return reply

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (value := self._reader.gets()) is not False:
                reply = self._owed.popleft()
                if reply.done():
                    continue
                if isinstance(value, hiredis.ReplyError):
                    reply.set_exception(ResponseError(str(value)))
                else:
                    reply.set_result(value)
        except (hiredis.ProtocolError, IndexError) as error:
            self.close(f"what answers is not Redis: {error}")

    def connection_lost(self, problem: Exception | None) -> None:
        self.close(str(problem or "Redis closed the connection"))

    def close(self, reason: str) -> None:
        self.is_closed = True
        self._transport.abort()
        while self._owed:
            reply = self._owed.popleft()
            if not reply.done():
                reply.set_exception(RedisConnectionError(reason))
                # Mark it as retrieved: asyncio would log the error of a reply that nobody awaits any more.
                reply.exception()
