"""One HTTP/1 connection: begins the requests that it reads one after another, in their order.

It knows neither clicks nor uvicorn.
"""

import asyncio
from collections import deque
from typing import cast

from offers.http.limits import (
    MAX_HEADERS,
    MAX_WAITING_REQUESTS,
    SMALL_BYTES,
    Deadlines,
    Phase,
    check_head,
    check_rest,
)
from offers.http.messages import CONTINUE, Request
from offers.http.reader import RequestReader


class HttpConnection(RequestReader):
    """Reads requests. A subclass answers them: it implements `_begin`, and calls `_answered` afterwards.

    A request begins when it is complete, and one at a time: requests that were sent ahead wait. While any of
    them waits, or the client does not read its answers, nothing is read (`_is_held`), so memory is bounded.
    """

    def __init__(self, keep_alive_seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop
        self._deadlines = Deadlines(keep_alive_seconds)
        self._transport = cast(asyncio.Transport, None)
        # The request that is being answered, and those that wait for their turn.
        self._current: Request | None = None
        self._waiting: deque[Request] = deque()
        self._unparsed = memoryview(b"")
        # Held: not reading now. Write paused: the client does not read answers.
        self._is_held = self._is_write_paused = self._is_going_on = False

    def _begin(self, request: Request) -> None:
        raise NotImplementedError

    def _refuse(self, status: int) -> None:
        """Write the answer to bytes that are not a request."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and start its clock."""
        self._transport = cast(asyncio.Transport, transport)
        self._look_later()

    def data_received(self, data: bytes) -> None:
        """Parse the data in small pieces, with a check after each."""
        if len(data) <= SMALL_BYTES and not self._is_held:
            self._parse(data)
        elif not self._is_over:
            self._hold()
            self._unparsed = memoryview(bytes(self._unparsed) + data)
            self._parse_rest()

    def _parse_rest(self) -> None:
        """Parse data that has arrived, until enough requests wait for their turn."""
        while self._unparsed and len(self._waiting) < MAX_WAITING_REQUESTS:
            piece, self._unparsed = self._unparsed[:SMALL_BYTES], self._unparsed[SMALL_BYTES:]
            self._parse(bytes(piece))
        self._go_on()

    def on_message_complete(self) -> None:
        """Begin a request, or let it wait for those before it."""
        headers, parser = self._head or [], self._parser
        if self._received > SMALL_BYTES or len(headers) > MAX_HEADERS:
            check_head(self._url, headers)
        is_kept = parser.should_keep_alive()
        # Asked until the first HTTP/1.1 request, and of the last request: asking is slow, and who keeps a
        # connection for requests of both versions is a proxy, which knows what HTTP/1.1 keeps without a word.
        if not is_kept or not self._is_http_1_1:
            self._is_http_1_1 = parser.get_http_version() == "1.1"
            is_kept = is_kept and self._is_http_1_1
        request = Request(parser.get_method(), self._url, headers, b"", is_kept)
        if self._body:
            request.body = bytes(self._body)
            self._body.clear()
        if self._headers:
            check_rest(0, 0, self._headers)
            self._headers = []
        self._url, self._head, self._received, self._awaits_leave = b"", None, 0, None
        if is_kept and self._current is None and not self._is_held:
            self._current = request
            self._begin(request)
        else:
            self._line_up(request)

    def _line_up(self, request: Request) -> None:
        """Queue a request until its turn comes."""
        self._hold()
        self._waiting.append(request)
        if not request.keep_alive:
            self._read_no_more()
        self._go_on()

    def _give_leave(self) -> None:
        """Let the client send its body, or, while requests before it are to be answered, let it wait."""
        if self._current is None and not self._waiting:
            self._awaits_leave = False
            self._transport.write(CONTINUE)
        else:
            self._hold()

    def _is_of_http_1_1(self, request: Request) -> bool:
        """Return the version of a request: no other is kept, and the last one was asked for its own."""
        return request.keep_alive or self._is_http_1_1

    def _answered(self) -> None:
        """Go on after the answer to the current request; to be called by the subclass."""
        self._current = None
        if self._is_held:
            self._go_on()

    @property
    def _is_last(self) -> bool:
        """Whether the connection ends with the answer to the current request."""
        return self._is_over and not self._waiting

    def _hold(self) -> None:
        """Pause reading."""
        if not self._is_held:
            self._is_held = True
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Begin the next waiting request; if there is none, resume reading."""
        if self._is_going_on:
            return
        self._is_going_on = True
        while self._waiting and self._current is None and not self._is_write_paused:
            if self._transport.is_closing():
                self._waiting.clear()
            else:
                self._current = self._waiting.popleft()
                self._begin(self._current)
        self._is_going_on = False
        if self._waiting or self._is_write_paused or self._is_over or not self._is_held:
            return
        if self._unparsed:
            # Later: we may be inside a callback of the parser, which is not reentrant.
            self._loop.call_soon(self._parse_rest)
        else:
            self._is_held = False
            self._transport.resume_reading()
            if self._awaits_leave:
                self._give_leave()

    def _end(self, status: int = 0) -> None:
        """Read nothing more, and close when all requests are answered.

        If they are already, close at once, after a refusal with this status if it is not 0.
        """
        if self._is_over:
            return
        self._read_no_more()
        if self._current is None and not self._waiting:
            if status:
                self._refuse(status)
            self._transport.close()

    def _reject(self, status: int) -> None:
        """Refuse the current request and close; requests behind it are dropped."""
        self._read_no_more()
        self._waiting.clear()
        self._refuse(status)
        self._transport.close()

    def _read_no_more(self) -> None:
        self._hold()
        self._is_over, self._unparsed = True, memoryview(b"")

    def eof_received(self) -> bool:
        """End reading. Returns whether the connection stays open for answers that are still to be sent."""
        self._end()
        return self._current is not None or bool(self._waiting)

    def shutdown(self) -> None:
        """End reading, because the worker ends; its server calls this."""
        self._end()

    def pause_writing(self) -> None:
        """Pause reading as long as the client does not read its answers."""
        self._is_write_paused = True
        self._hold()

    def resume_writing(self) -> None:
        """Go on, because the client has read enough of its answers."""
        self._is_write_paused = False
        self._deadlines.has_read()
        self._go_on()

    def connection_lost(self, _: Exception | None) -> None:
        """Drop what waits; a request under way is finished without its connection."""
        self._is_held = self._is_over = True
        self._waiting.clear()
        self._unparsed = memoryview(b"")
        self._look.cancel()

    def _look_later(self) -> None:
        self._look = self._loop.call_later(self._deadlines.next_look_seconds, self._look_at_clock)

    def _look_at_clock(self) -> None:
        """Close the connection if its client takes too long.

        Checks go on while the connection closes: that never ends if the client does not read the rest.
        """
        now, transport = self._loop.time(), self._transport
        if self._deadlines.is_unread(transport.get_write_buffer_size(), now):
            transport.abort()
            return
        if not transport.is_closing() and self._deadlines.is_late(*self._phase(), now):
            transport.close()
        self._look_later()

    def _phase(self) -> tuple[Phase, object]:
        """Return what the client has to do now, and an object that stays the same until it has done so."""
        if self._is_held:
            return Phase.ANSWERING, None
        if self._head is not None:
            return Phase.BODY, self._head
        if self._received or self._url:
            return Phase.HEAD, self._headers
        return (Phase.IDLE, self._headers) if self._current is None else (Phase.ANSWERING, None)
