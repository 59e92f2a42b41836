"""What one connection may ask of a worker: how large a request may be, and how long it may take to arrive.

uvicorn and its parser take a request line, headers, a body and trailers of any size, wait for them for ever,
and keep whatever a client sends ahead. Here every byte counts towards a limit, whatever the parser makes of
it, and every state has its time. The limits cost an ordinary request three comparisons.
"""

from typing import Any

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from offers.http.intake import Intake
from offers.http.request_line import with_ascii_line

MAX_URL_BYTES = 8 * 1024
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_BODY_BYTES = 1024 * 1024
# What comes with a body and is not part of it: sizes and extensions of chunks, trailers. Also empty lines
# between requests.
MAX_FRAMING_BYTES = 64 * 1024
# A request that came in so few bytes is within every limit that matters, save that of its headers' number.
# More is parsed in pieces of this size, and looked at after each of them.
SMALL_BYTES = 4 * 1024
# Requests of one connection that wait for their turn before no more of its bytes are parsed.
MAX_WAITING_REQUESTS = 32
# Seconds within which a head, and a body with its trailers, have to be complete, and within which a client
# has to read some of an answer. They are looked at so often: a head may take twice as long. Where idle
# connections are kept for less, a request has no more either.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
UNREAD_SECONDS = 30.0
LOOK_SECONDS = 10.0

BAD_REQUEST, BODY_TOO_LARGE, URL_TOO_LONG, HEAD_TOO_LARGE, SERVER_ERROR = 400, 413, 414, 431, 500
# What the client has done wrong where a callback of the parser raises it: a URL that is none.
_BAD_HTTP = (httptools.HttpParserError, UnicodeError)

logger = structlog.stdlib.get_logger(__name__)


class LimitExceeded(Exception):
    """Ends the parsing of a request that is over a limit; never leaves the protocol."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection with limits.

    Subclasses keep `_is_reading` true from a message's begin until its headers are complete, and `_has_rest`
    from then until its end where it may have more than a head. They set `_bytes` to 0 at its begin, call
    `_check_head` for a head that is not small, and `_count_trailer` for each header behind a body.
    """

    flow: Intake

    def connection_made(self, transport: Any) -> None:
        """A new connection; its clock begins."""
        super().connection_made(transport)
        self.flow = Intake(transport, self.pipeline)
        self._is_reading = self._has_rest = self._is_line_open = False
        # Since the last message began; the small piece in which it began may be counted or not.
        self._bytes = 0
        self._body_bytes = self._trailers = self._refusal = 0
        self._running: RequestResponseCycle = None  # type: ignore[assignment]  # as uvicorn has its own
        self._awaited: object = None
        self._awaited_since = self._answered_at = self._unread_since = self.loop.time()
        self._unread_bytes = 0
        self._look_again_in(min(LOOK_SECONDS, self.timeout_keep_alive))

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much."""
        if len(data) <= SMALL_BYTES:
            self._parse(data)
        else:
            self.flow.unparsed = memoryview(data)
            self._parse_rest()

    def _parse_rest(self) -> None:
        """Parse what has arrived, up to where enough requests wait for their turn."""
        flow = self.flow
        while flow.unparsed and len(self.pipeline) < MAX_WAITING_REQUESTS:
            if flow.is_over or self.transport.is_closing():
                flow.unparsed = None
                return
            piece, flow.unparsed = flow.unparsed[:SMALL_BYTES], flow.unparsed[SMALL_BYTES:]
            self._parse(bytes(piece))
        flow.resume_reading()

    def _parse(self, piece: bytes) -> None:
        was_reading = self._is_reading
        self._bytes += len(piece)
        if not piece.isascii() and (self._is_line_open if was_reading else not self._has_rest):
            piece = with_ascii_line(piece)
        try:
            self.parser.feed_data(piece)
            if self._is_reading:
                self._is_line_open = (not was_reading or self._is_line_open) and b"\n" not in piece
            if self._bytes > SMALL_BYTES:
                self._check_unfinished()
        except httptools.HttpParserUpgrade:
            # Nothing is upgraded here: the request is answered as if it had not asked, and is the last one.
            self._end_after_answer()
        except LimitExceeded:
            self._refuse(self._refusal)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if not self._refusal and cause is not None and not isinstance(cause, _BAD_HTTP):
                self._report(cause)
                self._refusal = SERVER_ERROR
            self._refuse(self._refusal or BAD_REQUEST)
        except httptools.HttpParserError:
            self._refuse(BAD_REQUEST)

    def _report(self, problem: BaseException) -> None:
        """Tell of an error of ours that keeps a request from being read."""
        logger.error("a request failed on the short way", exc_info=problem)

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse_with(BODY_TOO_LARGE)
        super().on_body(body)

    def _check_unfinished(self) -> None:
        """Raise `LimitExceeded` for what came since the last message began, where it is too much."""
        if self._is_reading:
            self._check_head()
        elif self._bytes - self._body_bytes > MAX_HEAD_BYTES + MAX_FRAMING_BYTES:
            self._refuse_with(BODY_TOO_LARGE if self._has_rest else BAD_REQUEST)

    def _check_head(self) -> None:
        """Raise `LimitExceeded` for a head, complete or not, that is over a limit."""
        if len(self.url) > MAX_URL_BYTES:
            self._refuse_with(URL_TOO_LONG)
        if self._is_reading and self._bytes > MAX_HEAD_BYTES:
            # What the parser still holds back is not seen in the headers.
            self._refuse_with(HEAD_TOO_LARGE if self.headers else URL_TOO_LONG)
        if len(self.headers) > MAX_HEADERS or self._head_size() > MAX_HEAD_BYTES:
            self._refuse_with(HEAD_TOO_LARGE)

    def _check_length(self, content_length: bytes) -> None:
        """Raise `LimitExceeded` for a body that is announced as too large."""
        # The parser has refused what is no number.
        if len(content_length) > 18 or int(content_length) > MAX_BODY_BYTES:
            self._refuse_with(BODY_TOO_LARGE)

    def _count_trailer(self) -> None:
        """Count a trailer, which nobody reads; its size is framing. Raise `LimitExceeded` for too many."""
        self._trailers += 1
        if self._trailers > MAX_HEADERS:
            self._refuse_with(HEAD_TOO_LARGE)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_with(self, status: int) -> None:
        self._refusal = status
        raise LimitExceeded

    def _refuse(self, status: int) -> None:
        """Answer with a status and close the connection; what was asked before is answered first."""
        if self.transport.is_closing() or self._ends_after_earlier_answer():
            return
        if self._has_rest:
            # Its application need not wait for the rest of it.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                # Two answers to one request would be taken for the next one's.
                self.transport.close()
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

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes always
        """The client sends no more: answer what it has asked; gives whether the connection stays for that."""
        return self._ends_after_earlier_answer()

    def _ends_after_earlier_answer(self) -> bool:
        """Let the answer to the last complete request be the last; gives whether one is under way."""
        last = self._last_complete()
        if last is None:
            return False
        last.keep_alive = False
        self._is_reading = self._has_rest = False
        self.flow.end()
        return True

    def _last_complete(self) -> RequestResponseCycle | None:
        """The newest request that is here completely and not answered yet; a newer one is forgotten."""
        if self.cycle is None or self.cycle.response_complete:
            return None
        if self._has_rest:
            if not self.pipeline:
                return None
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._running
        return self.cycle

    def _end_after_answer(self) -> None:
        if not self._ends_after_earlier_answer():
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection where it has been idle, or a request or an answer on its way, for too long.

        One timer that looks again costs less than one that is cancelled and set anew for every request. It
        goes on while the connection closes: that takes for ever where a client does not read what is left.
        """
        now = self.loop.time()
        if self._is_unread(now):
            self.transport.abort()
            return
        wait = min(LOOK_SECONDS, self.timeout_keep_alive)
        if not self.transport.is_closing():
            idle = 0.0 if self._is_busy() else now - self._answered_at
            if self._is_late(now) or idle >= self.timeout_keep_alive:
                self.transport.close()
            elif idle:
                wait = min(wait, self.timeout_keep_alive - idle)
        self._look_again_in(wait)

    def _is_busy(self) -> bool:
        """Whether a request arrives or is being answered."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return self._is_reading or self._has_rest or is_answering

    def _is_unread(self, now: float) -> bool:
        """Whether the client has taken nothing of what was written for too long."""
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread_bytes:
            self._unread_bytes, self._unread_since = unread, now
            return False
        return now - self._unread_since >= UNREAD_SECONDS

    def _is_late(self, now: float) -> bool:
        """Whether what has begun to arrive should be here completely by now."""
        awaited, limit = self._awaits()
        if awaited is not self._awaited:
            self._awaited, self._awaited_since = awaited, now
            return False
        return awaited is not None and now - self._awaited_since >= limit

    def _awaits(self) -> tuple[object, float]:
        """What is not here completely, and for how many seconds that may be so; None where all is here."""
        if self.flow.read_paused:
            # It is we who let it wait.
            return None, 0.0
        if self._is_reading:
            return self.headers, min(HEAD_SECONDS, self.timeout_keep_alive)
        if self._has_rest:
            return self.cycle, BODY_SECONDS
        return None, 0.0

    def resume_writing(self) -> None:
        """The client has read a part of what was written."""
        self._unread_bytes = 0
        super().resume_writing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        # uvicorn tells the newest request only, and an older one that does not know would go on writing.
        for cycle in (self._running, *(cycle for cycle, _ in self.pipeline)):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        self.flow.unparsed = None
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def _unset_keepalive_if_required(self) -> None:
        """The timer goes on."""

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
