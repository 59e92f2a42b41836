"""Serialises HTTP/1.1 messages (RFC 9112, https://www.rfc-editor.org/rfc/rfc9112)."""

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

import msgspec

from offers.response import EMPTY, NO_STORE, Answer, Headers

CLOSE = b"connection: close\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Headers about the connection and the transfer of the body, which the application must not see.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The methods that a click's path takes, and every other path of ours, too (RFC 9110, 15.5.6).
ALLOWED = (b"allow", b"GET, HEAD")
_BAD_REQUEST = b"Invalid HTTP request received."
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Request(msgspec.Struct, gc=False):
    """One complete request. Names of headers are in lower case; trailers are left out.

    `keep_alive` says that the client may send another one behind it.
    """

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    keep_alive: bool


def asks_for_leave(head: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a client waits for "100 Continue" before it sends its body (RFC 9110, 10.1.1)."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in head)


def serialized(request: Request, target: bytes, *, is_last: bool, is_http_1_1: bool = True) -> bytes:
    """Serialise a request for this target; `is_last` asks to close the connection after the answer."""
    version = b"1.1" if is_http_1_1 else b"1.0"
    lines = [b"%b %b HTTP/%b\r\n" % (request.method, target, version)]
    lines += [b"%b: %b\r\n" % header for header in request.headers if header[0] not in _HOP_BY_HOP]
    if is_last:
        lines.append(CLOSE)
    if request.body:
        lines.append(b"content-length: %d\r\n" % len(request.body))
    return b"".join((*lines, b"\r\n", request.body))


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Serialise headers."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def rendered(answer: Answer, more: bytes, *, head: bool = False) -> bytes:
    """Serialise an answer with the lines of `more` in its head; `head` leaves the body out."""
    lines = header_lines(answer.headers)
    return b"".join((_status_line(answer.status), more, lines, b"\r\n", b"" if head else answer.body))


def refusal(status: int) -> Answer:
    """Make the answer to bytes that are not a request, or exceed a limit."""
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        return Answer(status, (ALLOWED, EMPTY))
    if status != HTTPStatus.BAD_REQUEST:
        return Answer(status, (EMPTY,))
    headers: Headers = (_TEXT, (b"content-length", b"%d" % len(_BAD_REQUEST)))
    return Answer(status, headers, _BAD_REQUEST)


SERVER_ERROR = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, (NO_STORE, EMPTY))


@lru_cache(None)
def _status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode())
