"""Reads one request after another from the data of a connection, within limits."""

import asyncio

import httptools

from offers.http.limits import (
    BAD_REQUEST,
    METHOD_NOT_ALLOWED,
    SERVER_ERROR,
    SMALL_BYTES,
    LimitExceeded,
    announced_length,
    check_rest,
    check_unfinished_head,
)
from offers.http.messages import asks_for_leave
from offers.http.request_line import end_of_request, is_request, with_ascii_line

# Causes of a callback's error that are the client's fault.
_BAD_HTTP = (httptools.HttpParserError, UnicodeError)


class RequestReader(asyncio.Protocol):
    """Parses data and collects a request. A subclass takes it when it is complete: `on_message_complete`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # The request that is being read. `_head` is None until its head is complete; from then on `_headers`
        # collects trailers. `_received` counts its bytes, except those that came with the end of another one.
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: list[tuple[bytes, bytes]] | None = None
        self._body = bytearray()
        self._received = 0
        self._is_line_open = self._is_http_1_1 = False
        # Whether its client waits for leave to send the body; None until that was looked up in the head.
        self._awaits_leave: bool | None = None
        # Whether nothing is read any more.
        self._is_over = False

    def on_message_complete(self) -> None:
        """Take the complete request."""
        raise NotImplementedError

    def _end(self, status: int = 0) -> None:
        """Read nothing more, because of an error if the status is not 0."""
        raise NotImplementedError

    def _give_leave(self) -> None:
        """Answer a client that asks whether it may send its body, when it is its turn."""
        raise NotImplementedError

    def _report(self, error: BaseException) -> None:
        """Report an error of ours."""
        raise NotImplementedError

    def _parse(self, piece: bytes) -> None:
        try:
            if not piece.isascii():
                piece = self._last_part(piece)
                if self._is_over:
                    return
            is_new = not self._url
            self._received += len(piece)
            self._parser.feed_data(piece)
            if self._received or self._url:
                self._check_unfinished(piece, is_new)
        except httptools.HttpParserUpgrade:
            # Nothing is upgraded: the request is answered as if it had not asked, and is the last one.
            self._end()
        except LimitExceeded as error:
            self._end(error.status)
        except httptools.HttpParserCallbackError as error:
            self._end(self._status_of(error.__context__))
        except httptools.HttpParserInvalidMethodError:
            self._end(METHOD_NOT_ALLOWED if is_request(piece) else BAD_REQUEST)
        except httptools.HttpParserError:
            self._end(BAD_REQUEST)

    def _last_part(self, piece: bytes) -> bytes:
        """Parse a piece with bytes beyond ASCII up to its last part, and return that with its line in ASCII.

        The parser refuses such bytes in a request line. Parts begin wherever a request may.
        """
        while 0 < (end := self._end_of_part(piece)) < len(piece):
            self._parse(piece[:end])
            if self._is_over:
                return b""
            piece = piece[end:]
        is_line = self._head is None and (not self._url or self._is_line_open)
        return with_ascii_line(piece) if is_line else piece

    def _end_of_part(self, piece: bytes) -> int:
        """Return how many bytes of a piece belong to one request at most. Raises `LimitExceeded`."""
        length = None if self._head is None else announced_length(self._head)
        return end_of_request(piece) if length is None else length - len(self._body)

    def _status_of(self, cause: BaseException | None) -> int:
        """Return the status of the answer to an error that a callback of the parser has raised."""
        if isinstance(cause, LimitExceeded):
            return cause.status
        if cause is None or isinstance(cause, _BAD_HTTP):
            return BAD_REQUEST
        self._report(cause)
        return SERVER_ERROR

    def on_url(self, url: bytes) -> None:
        """Collect a piece of the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, or, behind a body, a trailer."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """End the head. Trailers are ignored: a proxy may have removed the same header from the head."""
        self._head, self._headers = self._headers, []

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        self._body += body
        check_rest(len(self._body), 0, ())

    def _check_unfinished(self, piece: bytes, is_new: bool) -> None:
        """Check a request that is not complete after this piece; `is_new` if it began with the piece."""
        if self._head is None:
            # Without a byte of its own it began behind another one, in the middle of the piece.
            is_new = is_new or not self._received
            line = piece.rpartition(b"\r\n\r\n")[2].lstrip(b"\r\n") if is_new else piece
            self._is_line_open = (is_new or self._is_line_open) and b"\n" not in line
            if self._received > SMALL_BYTES:
                check_unfinished_head(self._url, self._headers, self._received)
            return
        if self._awaits_leave is None:
            announced_length(self._head)
            self._awaits_leave = self._parser.get_http_version() == "1.1" and asks_for_leave(self._head)
        if self._awaits_leave:
            self._give_leave()
        check_rest(len(self._body), self._received, self._headers)
