"""What one connection may ask of a worker: how large a request may be, and how long it may take to arrive.

uvicorn and its parser take a request line, headers and a body of any size, and wait for them for ever. The
limits cost an ordinary request two comparisons.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from cotraffic.request_line import with_ascii_line

MAX_URL_BYTES = 8 * 1024
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_BODY_BYTES = 1024 * 1024
# A request that came in so few bytes is within every limit that matters.
SMALL_BYTES = 4 * 1024
# Seconds within which a head, and a body, have to be complete. They are looked at so often: a head may take
# twice as long. Where idle connections are kept for less, a request has no more either.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
LOOK_SECONDS = 10.0

BAD_REQUEST, BODY_TOO_LARGE, URL_TOO_LONG, HEAD_TOO_LARGE = 400, 413, 414, 431


class Refused(Exception):
    """Ends the parsing of a request that is over a limit; never leaves the protocol."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection with limits.

    Subclasses keep `_is_reading` true from a message's begin until its headers are complete, and call
    `_check_head` then; they set `_is_unusual` for a message that may have a body.
    """

    def connection_made(self, transport: Any) -> None:
        """A new connection; its clock begins."""
        super().connection_made(transport)
        self._is_reading = self._is_unusual = self._is_line_open = False
        self._head_bytes = self._body_bytes = self._refusal = 0
        self._awaited: object = None
        self._running: RequestResponseCycle = None  # type: ignore[assignment]  # as uvicorn has its own
        self._awaited_since = self._answered_at = self.loop.time()
        self._look_again_in(min(LOOK_SECONDS, self.timeout_keep_alive))

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much."""
        if not data.isascii() and self._is_within_line():
            data = with_ascii_line(data)
        reading = self.headers if self._is_reading else None
        self._head_bytes = len(data) if reading is None else self._head_bytes + len(data)
        try:
            self.parser.feed_data(data)
            if self._is_reading:
                self._is_line_open = (reading is None or self._is_line_open) and b"\n" not in data
                self._check_unfinished(reading)
        except httptools.HttpParserUpgrade:
            # Nothing is upgraded here: the request is answered as if it had not asked, and is the last one.
            self._end_after_answer()
        except (httptools.HttpParserError, Refused):
            self._refuse(self._refusal or BAD_REQUEST)

    def _is_within_line(self) -> bool:
        """Whether the next byte is certainly one of a request line, or the first of a request."""
        if self._is_reading:
            return self._is_line_open
        # Where the last request may have a body, uvicorn knows whether that has ended.
        return not self._is_unusual or (self.cycle is not None and not self.cycle.more_body)

    def _check_unfinished(self, reading: object) -> None:
        """Raise `Refused` for an incomplete head over a limit; `reading`: the headers before these bytes."""
        if self._head_bytes > MAX_HEAD_BYTES:
            if self.headers is not reading:
                # It began somewhere in these bytes, behind other requests.
                self._head_bytes = self._head_size()
            self._check_head()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse_with(BODY_TOO_LARGE)
        super().on_body(body)

    def _check_head(self) -> None:
        """Raise `Refused` for a head, complete or not, that is over a limit. For heads that are not small."""
        if len(self.url) > MAX_URL_BYTES:
            self._refuse_with(URL_TOO_LONG)
        if self._is_reading and self._head_bytes > MAX_HEAD_BYTES:
            # What the parser still holds back is not seen in the headers.
            self._refuse_with(HEAD_TOO_LARGE if self.headers else URL_TOO_LONG)
        if len(self.headers) > MAX_HEADERS or self._head_size() > MAX_HEAD_BYTES:
            self._refuse_with(HEAD_TOO_LARGE)

    def _check_length(self, content_length: bytes) -> None:
        """Raise `Refused` for a body that is announced as too large."""
        # The parser has refused what is no number.
        if len(content_length) > 18 or int(content_length) > MAX_BODY_BYTES:
            self._refuse_with(BODY_TOO_LARGE)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_with(self, status: int) -> None:
        self._refusal = status
        raise Refused

    def _refuse(self, status: int) -> None:
        """Answer with a status and close the connection."""
        if self.transport.is_closing():
            return
        before = self._asked_before()
        if before is not None:
            # It is answered first, and nothing after it.
            before.keep_alive = False
            return
        if status == BAD_REQUEST:
            self.send_400_response("Invalid HTTP request received.")
            return
        lines = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.write(b"".join(lines))
        self.transport.close()

    def _asked_before(self) -> RequestResponseCycle | None:
        """The request before a broken one, where it is not answered yet; the broken one is forgotten."""
        if self.cycle is None or self.cycle.response_complete:
            return None
        if self.cycle.more_body:
            # It is the body that is broken.
            if not self.pipeline:
                return None
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._running
        return self.cycle

    def _end_after_answer(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection where it has been idle, or a request been on its way, for too long.

        One timer that looks again costs less than one that is cancelled and set anew for every request.
        """
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        now = self.loop.time()
        awaited, limit = self._awaits()
        if awaited is not self._awaited:
            self._awaited, self._awaited_since = awaited, now
        elif awaited is not None and now - self._awaited_since >= limit:
            self.transport.close()
            return
        wait = min(LOOK_SECONDS, self.timeout_keep_alive)
        if not self._is_reading and (self.cycle is None or self.cycle.response_complete):
            idle = now - self._answered_at
            if idle >= self.timeout_keep_alive:
                self.transport.close()
                return
            wait = min(wait, self.timeout_keep_alive - idle)
        self._look_again_in(wait)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _awaits(self) -> tuple[object, float]:
        """What is not here completely, and for how many seconds that may be so; None where all is here."""
        if self._is_reading:
            return self.headers, min(HEAD_SECONDS, self.timeout_keep_alive)
        if self.cycle is not None and not self.cycle.response_complete and self.cycle.more_body:
            return self.cycle, BODY_SECONDS
        return None, 0.0

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        # uvicorn tells the newest request only, and an older one that does not know would go on writing.
        for cycle in (self._running, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def _unset_keepalive_if_required(self) -> None:
        """The timer goes on."""

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
