"""How a web worker speaks HTTP: as uvicorn does, with a shorter way for plain clicks.

For every request uvicorn builds an ASGI scope, an event, a task and two messages, which together cost more
than all that a click is about. A plain click whose records are in memory needs none of them: it is answered
from the parser's callback, once it is written down. Whatever is in any way unusual takes uvicorn's own way,
to the same lane and the same answers; `tests/offers/test_parity.py` holds the two together.
"""

import asyncio
import time
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from offers.answer import Answer, Answerer, redirect
from offers.click_record import Click
from offers.pulse import Pulse
from offers.request import read_click

CLICK_URL = b"/offer?"
# A connection whose time is up may still finish the request that it has begun.
REQUEST_SECONDS = 10.0
# A request that brings a body, or wants another protocol, is no plain click.
_UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})


def _rendered(answer: Answer, defaults: bytes) -> bytes:
    """An answer as it is sent; `defaults` are the lines of the headers that every answer has."""
    lines = [b"%b: %b\r\n" % header for header in answer.headers]
    return b"".join((STATUS_LINE[answer.status], defaults, *lines, b"\r\n", answer.body))


# The same with two places left open: for the headers that every answer has, and for the location.
_REDIRECT = _rendered(redirect("%b"), b"%b")


class ClickProtocol(HttpToolsProtocol):
    """One connection."""

    _is_reading = False
    _is_overdue = False
    _answered_at = 0.0
    # Of all connections: the headers that every answer has, and their lines.
    _defaults: tuple[object, bytes] = (None, b"")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._answered_at = self.loop.time()
        self._look_again_in(self.timeout_keep_alive)

    def on_message_begin(self) -> None:
        """Only what the parser fills; the scope is built for requests that take the long way."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_unusual = False
        self._is_reading = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        name = name.lower()
        if name in _UNUSUAL:
            self._is_unusual = True
            super().on_header(name, value)
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Answer a plain click, or let uvicorn do what it always does."""
        self._is_reading = False
        if not self._is_plain_click() or not self._take():
            url, headers, expects = self.url, self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
            super().on_headers_complete()

    def _is_plain_click(self) -> bool:
        cycle, parser = self.cycle, self.parser
        return (
            self.url.startswith(CLICK_URL)
            and parser.get_method() == b"GET"
            and (cycle is None or cycle.response_complete)
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self._is_unusual
            # Who does not read the answers has to wait, which is uvicorn's business.
            and not self.flow.write_paused
        )

    def _take(self) -> bool:
        """Begin to answer; gives whether the click is taken care of."""
        started = time.perf_counter()
        answerer: Answerer = self.app_state["answerer"]
        peer = self.client[0] if self.client else ""
        try:
            request = read_click(self.url[len(CLICK_URL) :].partition(b"#")[0], self.headers, peer)
            found = None if request.debug else answerer.examine_now(request)
            if found is None:
                return False
            cycle = _Cycle(self)
            if isinstance(found, Click):
                cycle.click, cycle.pulse, cycle.started = found, answerer.pulse, started
                answerer.clicks.write(found, cycle.click_is_written)
            else:
                cycle.send(_rendered(answerer.refuse(found, request), self.default_lines()))
        except Exception:
            # The long way comes to the same, and there it is logged and answered.
            return False
        self.cycle = cast(RequestResponseCycle, cycle)
        return True

    def default_lines(self) -> bytes:
        """The lines of the headers that every answer has; uvicorn makes new ones once a second."""
        headers = self.server_state.default_headers
        known, lines = ClickProtocol._defaults
        if known is not headers:
            lines = b"".join([b"%b: %b\r\n" % header for header in headers])
            ClickProtocol._defaults = headers, lines
        return lines

    def on_response_complete(self) -> None:
        """Go on with the next request of the connection; called after every answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._is_overdue = False
        self._answered_at = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection when it has been idle, or has sent one request, for too long.

        One timer that looks again costs less than one that is cancelled and set anew for every request.
        """
        idle = self.loop.time() - self._answered_at
        if self.cycle is not None and not self.cycle.response_complete:
            self._look_again_in(self.timeout_keep_alive)
        elif idle < self.timeout_keep_alive:
            self._look_again_in(self.timeout_keep_alive - idle)
        elif self._is_reading and not self._is_overdue:
            self._is_overdue = True
            self._look_again_in(min(REQUEST_SECONDS, self.timeout_keep_alive))
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def _unset_keepalive_if_required(self) -> None:
        """The timer goes on."""

    def _look_again_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)


class _Cycle:
    """One click on its way to its answer; to the protocol it looks like uvicorn's own."""

    click: Click
    pulse: Pulse
    started: float
    # As uvicorn leaves them for a request without a body.
    body = b""
    more_body = False
    keep_alive = True
    disconnected = False
    response_complete = False

    def __init__(self, protocol: ClickProtocol) -> None:
        self._protocol = protocol

    @property
    def message_event(self) -> "_Cycle":
        return self

    def set(self) -> None:
        """Nobody waits for a body."""

    def click_is_written(self) -> None:
        """Send the redirect, and count it."""
        click = self.click
        self.send(_REDIRECT % (self._protocol.default_lines(), click.location.encode()))
        self.pulse.click(click.decision.redirect_type, time.perf_counter() - self.started)

    def send(self, answer: bytes) -> None:
        """Send the answer."""
        self.response_complete = True
        protocol, transport = self._protocol, self._protocol.transport
        if self.disconnected or transport.is_closing():
            return
        if self.keep_alive:
            transport.write(answer)
        else:
            head, _, body = answer.partition(b"\r\n\r\n")
            transport.write(b"%b\r\nconnection: close\r\n\r\n%b" % (head, body))
            transport.close()
        protocol.on_response_complete()
