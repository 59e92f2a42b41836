"""Sends requests to one address over connections that botocore has opened and kept (RFC 9112, 9.3).

For each request botocore and urllib3 look for proxy and pool, write headers one by one, and parse an answer
as if it was mail: half of the CPU time that a batch of clicks took. They still open every connection, which
is where proxies, certificates and time-outs matter, and send the first request over it.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, LifoQueue
from typing import Any, Protocol
from urllib.parse import urlsplit

import httptools
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from offers.delivery.dynamodb_answer import RawAnswer

READ_BYTES = 65_536
LEAST_SECONDS = 0.001
# A batch that DynamoDB takes is never larger than this, nor what it leaves of one.
LARGEST_ANSWER_BYTES = 32_000_000
FIRST_FINAL = 200


class _Connection(Protocol):
    """What is used of a connection of urllib3."""

    sock: socket.socket
    is_connected: bool
    proxy_is_forwarding: bool

    def close(self) -> None: ...


class _Pool(Protocol):
    """What is used of a pool of urllib3; `pool` has None in place of connections that are not open yet."""

    scheme: str
    host: str
    port: int | None
    pool: "LifoQueue[_Connection | None]"

    def _put_conn(self, connection: _Connection | None) -> None: ...


class Exchange:
    """A request that is under way."""

    def answer(self) -> RawAnswer:
        """Wait for the answer and return it. Raises botocore's `HTTPClientError` where there is none."""
        raise NotImplementedError


class PersistentConnections:
    """The connections of a session of botocore to the address of a URL. Threads may share them."""

    def __init__(self, session: URLLib3Session, url: str, read_seconds: float) -> None:
        """`read_seconds`: how long an answer may take."""
        self._session = session
        # Private in botocore, as is the pool in urllib3, so pyproject.toml has an upper bound.
        private: Any = session
        manager = private._get_connection_manager(url, private._proxy_config.proxy_url_for(url))
        self._pool: _Pool = manager.connection_from_url(url)
        self._read_seconds = read_seconds
        path = urlsplit(url).path or "/"
        line = f"{path} HTTP/1.1\r\nHost: {_host(self._pool)}\r\nAccept-Encoding: identity\r\n"
        self._after_method = line.encode()

    def begin(self, request: AWSPreparedRequest, body: bytes) -> Exchange:
        """Send a request with its body. Where a connection has to be opened first, wait for the answer, too.

        Raises botocore's `HTTPClientError`.
        """
        connection = self._kept()
        if connection is None:
            answer = self._session.send(request)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return _Answered(RawAnswer(answer.status_code, headers, answer.content))
        exchange = _UnderWay(self._pool, connection, request.url, self._read_seconds)
        exchange.send(self._head(request) + body)
        return exchange

    def _kept(self) -> _Connection | None:
        """Take an open connection out of the pool; None if there is none."""
        try:
            # The pool's own method would make one, without what the session knows of certificates.
            connection = self._pool.pool.get_nowait()
        except Empty:
            return None
        if connection is None or not connection.is_connected or connection.proxy_is_forwarding:
            self._pool._put_conn(connection)
            return None
        return connection

    def _head(self, request: AWSPreparedRequest) -> bytes:
        lines = [f"{name}: {_text(value)}\r\n" for name, value in request.headers.items()]
        return b"%b %b%b\r\n" % (
            request.method.encode(),
            self._after_method,
            "".join(lines).encode("latin-1"),
        )


class _Answered(Exchange):
    """A request whose answer is here."""

    def __init__(self, answer: RawAnswer) -> None:
        self._answer = answer

    def answer(self) -> RawAnswer:
        """Return the answer."""
        return self._answer


class _UnderWay(Exchange):
    """A request on a connection of its own, which goes back to the pool afterwards."""

    def __init__(self, pool: _Pool, connection: _Connection, url: str, seconds: float) -> None:
        self._pool = pool
        self._connection = connection
        self._url = url
        self._deadline = time.monotonic() + seconds

    def send(self, request: bytes) -> None:
        """Send the request."""
        # A server may answer and close before it has read everything.
        with self._explained(), suppress(BrokenPipeError):
            self._allow()
            self._connection.sock.sendall(request)

    def answer(self) -> RawAnswer:
        """Read the answer, and give the connection back."""
        answer = _Collected()
        with self._explained():
            while not answer.is_complete:
                self._allow()
                if not (received := self._connection.sock.recv(READ_BYTES)):
                    raise ConnectionError("the connection ends before the answer")
                answer.feed(received)
                if len(answer.body) > LARGEST_ANSWER_BYTES:
                    raise HTTPClientError(error="the answer has no end")
        self._give_back(is_kept=answer.may_continue)
        return RawAnswer(answer.status, answer.headers, bytes(answer.body))

    def _allow(self) -> None:
        """Let the next step take the time that is left; what has come already is read in any case."""
        self._connection.sock.settimeout(max(LEAST_SECONDS, self._deadline - time.monotonic()))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise botocore's errors for those of a connection, and close it."""
        try:
            yield
        except BaseException as error:
            self._give_back(is_kept=False)
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(endpoint_url=self._url, error=error) from error
            if isinstance(error, OSError):
                raise ConnectionClosedError(endpoint_url=self._url, error=error) from error
            if isinstance(error, httptools.HttpParserError):
                raise HTTPClientError(error=error) from error
            raise

    def _give_back(self, *, is_kept: bool) -> None:
        if not is_kept:
            self._connection.close()
        self._pool._put_conn(self._connection)


class _Collected:
    """Collects what the parser finds."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.status = 0
        self.is_complete = False
        # Whether another request may be sent: not behind what nobody has asked for.
        self.may_continue = False

    def feed(self, data: bytes) -> None:
        """Parse the next piece. Raises `HttpParserError` for what is no answer."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.may_continue = False
            if not self.is_complete:
                raise

    def on_message_begin(self) -> None:
        """Note that something comes; nothing may come behind the answer."""
        self.may_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; one that comes again is appended, with a comma (RFC 9110, 5.3)."""
        if self.is_complete:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_body(self, data: bytes) -> None:
        """Collect a part of the body."""
        if not self.is_complete:
            self.body += data

    def on_message_complete(self) -> None:
        """Note the end, unless the real answer is still to come."""
        status = self.parser.get_status_code()
        if status < FIRST_FINAL:
            self.headers = {}
        elif not self.is_complete:
            self.status, self.is_complete = status, True
            self.may_continue = self.parser.should_keep_alive()


def _host(pool: _Pool) -> str:
    """Return the value of the Host header (RFC 9110, 7.2) for the address of a pool."""
    host = f"[{pool.host.strip('[]')}]" if ":" in pool.host else pool.host
    default = {"http": 80, "https": 443}[pool.scheme]
    return host if pool.port in (None, default) else f"{host}:{pool.port}"


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
