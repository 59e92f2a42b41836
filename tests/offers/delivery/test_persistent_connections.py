"""Requests over kept connections: each gets its own answer or an error of botocore's, and never another's."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from botocore.awsrequest import AWSRequest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import URLLib3Session

from devstack.services import LOCALHOST, free_port
from offers.delivery import persistent_connections
from offers.delivery.persistent_connections import Exchange, PersistentConnections
from tests.processes import wait_until
from tests.tls import Authority, TlsEnd

READ_SECONDS = 0.5
SLICE_SECONDS = 0.1
PATIENCE = 20.0
CLOSE = b"close"


def answered(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((b"HTTP/1.1 " + status, length, *lines, b"", body))


class Scripted:
    """A server that answers each request with the next of `answers`; an answer is pieces that it sends.

    A piece that is a number is a pause in seconds, `CLOSE` closes the connection.
    """

    def __init__(self, *answers: tuple[bytes | float, ...]) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()
        self._listener = socket.create_server((LOCALHOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{LOCALHOST}:{self.port}/"
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        self.ended = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while request := _request(connection):
                with self._lock:
                    self.requests.append(request)
                    pieces = self._answers.pop(0)
                for piece in pieces:
                    if isinstance(piece, float):
                        time.sleep(piece)
                    elif piece == CLOSE:
                        connection.shutdown(socket.SHUT_RDWR)
                        return
                    else:
                        connection.sendall(piece)
        except OSError:
            return
        finally:
            self.ended += 1


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(65_536)):
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def begin(kept: PersistentConnections, url: str, body: bytes = b"{}") -> Exchange:
    return kept.begin(AWSRequest("POST", url, {"X-Amz-Target": "Write"}, body).prepare(), body)


def new_session(seconds: float, ca: Path | None = None) -> URLLib3Session:
    # The stubs know less than botocore takes.
    options: dict[str, Any] = {"timeout": seconds, "verify": str(ca) if ca else True}
    return URLLib3Session(**options)


@pytest.fixture
def session() -> Iterator[URLLib3Session]:
    session = new_session(READ_SECONDS)
    yield session
    session.close()


def connections(session: URLLib3Session, url: str) -> PersistentConnections:
    return PersistentConnections(session, url, READ_SECONDS)


def ask(session: URLLib3Session, url: str, body: bytes = b"{}") -> bytes:
    """The body of the answer to one request."""
    return begin(connections(session, url), url, body).answer().body


def warmed(session: URLLib3Session, server: Scripted) -> PersistentConnections:
    """Connections of which one is kept; the server's first answer is used up."""
    kept = connections(session, server.url)
    begin(kept, server.url).answer()
    return kept


def test_the_second_request_says_what_the_first_said(session: URLLib3Session) -> None:
    with Scripted((answered(b"1"),), (answered(b"2"),)) as server:
        kept = warmed(session, server)
        assert begin(kept, server.url).answer().body == b"2"
        first, second = (sorted(one.lower().split(b"\r\n")) for one in server.requests)
        assert [line for line in first if not line.startswith(b"user-agent")] == second
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        tuple(bytes((one,)) for one in answered(b"right")),
        (answered(b"right")[:-2], 0.05, b"ht"),
        (b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n" + answered(b"right"),),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrig\r\n2\r\nht\r\n0\r\n\r\n",),
        (answered(b"right", b"Connection: close"),),
        (answered(b"right").replace(b"HTTP/1.1", b"HTTP/1.0"),),
        (answered(b"right") + answered(b"of nobody"),),
        (answered(b"right") + b"rubbish",),
    ],
    ids=("bytes", "late", "continue", "chunks", "close", "old", "two", "rubbish"),
)
def test_each_request_gets_its_own_answer(session: URLLib3Session, pieces: tuple[bytes | float, ...]) -> None:
    with Scripted((answered(b"1"),), pieces, (answered(b"next"),)) as server:
        kept = warmed(session, server)
        assert begin(kept, server.url).answer().body == b"right"
        assert begin(kept, server.url).answer().body == b"next"


def test_the_names_of_headers_are_in_lower_case_and_repeated_ones_are_joined(session: URLLib3Session) -> None:
    answer = answered(b"", b"X-Amz-Id: 7", b"X-Twice: 1", b"x-twice: 2", status=b"400 Bad")
    with Scripted((answer,), (answer,)) as server:
        kept = connections(session, server.url)
        opened, reused = (begin(kept, server.url).answer() for _ in range(2))
        assert opened == reused
        assert (reused.status, reused.headers["x-amz-id"], reused.headers["x-twice"]) == (400, "7", "1, 2")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((CLOSE,), ConnectionClosedError),
        ((answered(b"half")[:-2], CLOSE), ConnectionClosedError),
        ((b"HTTP/1.1 200 OK\r\n\r\nwithout an end", CLOSE), ConnectionClosedError),
        ((b"SSH-2.0-OpenSSH\r\n\r\n",), HTTPClientError),
        ((2 * READ_SECONDS,), ReadTimeoutError),
        ((b"HTTP/1.1 200 OK\r\n", *((SLICE_SECONDS, b"X: 1\r\n") * 20)), ReadTimeoutError),
    ],
    ids=("closed", "half", "no end", "not HTTP", "silence", "trickle"),
)
def test_no_answer_is_an_error_and_the_connection_is_not_used_again(
    session: URLLib3Session, pieces: tuple[bytes | float, ...], expected: type[BotoCoreError]
) -> None:
    with Scripted((answered(b"1"),), pieces, (answered(b"next"),)) as server:
        kept = warmed(session, server)
        exchange = begin(kept, server.url)
        with pytest.raises(expected):
            exchange.answer()
        assert begin(kept, server.url).answer().body == b"next"
        assert len(server.connections) == 2


def test_an_answer_without_an_end_is_not_read_for_ever(
    session: URLLib3Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persistent_connections, "LARGEST_ANSWER_BYTES", 1000)
    with Scripted((answered(b"1"),), (answered(b"x" * 2000),)) as server:
        kept = warmed(session, server)
        with pytest.raises(HTTPClientError, match="no end"):
            begin(kept, server.url).answer()


def test_an_answer_to_a_request_that_nobody_reads_to_its_end_counts(session: URLLib3Session) -> None:
    refused = answered(b"too large", b"Connection: close", status=b"413 Too Large")
    with Scripted((answered(b"1"),)) as server:
        kept = warmed(session, server)
        server._answers.append((refused,))
        assert begin(kept, server.url, b"x" * 1000).answer().status == 413


def test_a_connection_that_was_closed_while_idle_is_opened_anew(session: URLLib3Session) -> None:
    with Scripted((answered(b"1"), CLOSE), (answered(b"2"),)) as server:
        kept = warmed(session, server)
        wait_until(lambda: server.ended == 1, what="the end of the first connection")
        assert begin(kept, server.url).answer().body == b"2"


def test_requests_under_way_at_once_have_a_connection_each(session: URLLib3Session) -> None:
    numbers = [answered(b"%d" % number) for number in range(4)]
    with Scripted((numbers[0],), (0.1, numbers[1]), (numbers[2],), (numbers[3],)) as server:
        kept = warmed(session, server)
        slow = begin(kept, server.url)
        wait_until(lambda: len(server.requests) == 2, what="the slow request")
        opened = begin(kept, server.url)
        third = begin(kept, server.url)
        assert (opened.answer().body, third.answer().body, slow.answer().body) == (b"2", b"3", b"1")
        assert len(server.connections) == 2


def test_nobody_there_is_told_when_the_request_begins(session: URLLib3Session) -> None:
    with pytest.raises(EndpointConnectionError):
        ask(session, f"http://{LOCALHOST}:{free_port()}/")


def test_a_certificate_is_verified_and_its_connection_kept(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    with (
        Scripted((answered(b"1"),), (answered(b"2"),)) as server,
        TlsEnd(server.port, authority.issue("dynamodb", LOCALHOST)) as end,
    ):
        url = f"https://{LOCALHOST}:{end.port}/"
        trusting = new_session(PATIENCE, authority.ca)
        assert [ask(trusting, url), ask(trusting, url)] == [b"1", b"2"]
        assert len(server.connections) == 1
        trusting.close()
        stranger = new_session(PATIENCE)
        with pytest.raises(SSLError):
            ask(stranger, url)
        stranger.close()
