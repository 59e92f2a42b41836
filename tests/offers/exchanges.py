"""HTTP spoken by hand, so that what a client library would tidy up is sent and seen as it is."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from devstack.services import LOCALHOST
from tests.processes import DEADLINE_SECONDS

ANSWER_SECONDS = DEADLINE_SECONDS
_LID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_HASH = re.compile(rb"hash=[0-9a-f]{32}")


class Answer(NamedTuple):
    """One answer as it came; names of headers in lower case."""

    status_line: bytes
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.status_line.split(b" ")[1])


class Connection:
    """One connection to a server, from an address of this machine."""

    def __init__(self, port: int, source: str = LOCALHOST) -> None:
        self.socket = socket.create_connection((LOCALHOST, port), ANSWER_SECONDS, (source, 0))
        self._read = b""

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def answer(self, *, without_body: bool = False) -> Answer:
        """The next answer. Raises `EOFError` where the server closes instead."""
        head = self._until(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        headers: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.partition(b": ")
            assert name.lower() not in headers, f"{name!r} came twice"
            headers[name.lower()] = value
        length = 0 if without_body else int(headers.get(b"content-length", b"0"))
        while len(self._read) < length:
            self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Answer(status_line, headers, body)

    def is_closed(self, within_seconds: float = ANSWER_SECONDS) -> bool:
        """Whether the server closes within this time, saying nothing more."""
        self.socket.settimeout(within_seconds)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._read:
            self._more()
        found, _, self._read = self._read.partition(mark)
        return found

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        self._read += data


@contextmanager
def connected(port: int) -> Iterator[Connection]:
    """A connection, closed at the end."""
    connection = Connection(port)
    try:
        yield connection
    finally:
        connection.socket.close()


def exchange(port: int, request: bytes) -> Answer:
    """One request on a connection of its own."""
    with connected(port) as connection:
        connection.send(request)
        return connection.answer(without_body=request.startswith(b"HEAD"))


def get(query: bytes = b"", *headers: bytes, method: bytes = b"GET", path: bytes = b"/offer") -> bytes:
    """A request; headers as lines, and a host where they name none."""
    mark = b"?" if query else b""
    lines = [b"%b %b%b%b HTTP/1.1" % (method, path, mark, query), b"Host: a.example", *headers, b"", b""]
    return b"\r\n".join(lines)


def comparable(text: bytes) -> bytes:
    """A text without what differs from click to click."""
    return _HASH.sub(b"hash={hash}", _LID.sub(b"{lid}", text))
