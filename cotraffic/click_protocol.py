"""How a web worker speaks HTTP: as uvicorn does, with a shorter way for plain clicks.

For every request uvicorn builds an ASGI scope, an event, a task and two messages, which together cost more
than all that a click is about. A plain click whose records are in memory needs none of them: it is answered
from the parser's callback, once it is written down. Whatever is in any way unusual takes uvicorn's own way,
to the same lane and the same answers; `tests/offers/test_parity.py` holds the two together.
"""

import time
from functools import partial
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from offers.answer import Answer, Answerer, redirect
from offers.click_record import Click
from offers.pulse import Pulse
from offers.request import read_click

CLICK_URL = b"/offer?"
# A request that brings a body, or wants another protocol, is no plain click.
_UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})


class ClickProtocol(HttpToolsProtocol):
    """One connection."""

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
            if isinstance(found, Click):
                cycle = _Cycle(self, redirect(found.location))
                answerer.clicks.write(found, partial(cycle.click_is_written, answerer.pulse, found, started))
            else:
                cycle = _Cycle(self, answerer.refuse(found, request))
        except Exception:
            # The long way comes to the same, and there it is logged and answered.
            return False
        self.cycle = cast(RequestResponseCycle, cycle)
        if not isinstance(found, Click):
            cycle.respond()
        return True

    def on_response_complete(self) -> None:
        """Go on with the next request of the connection; called after every answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection when it has been idle for too long, else look again later.

        One timer that looks again costs less than one that is cancelled and set anew for every request.
        """
        idle = self.loop.time() - self._answered_at
        busy = self._is_reading or (self.cycle is not None and not self.cycle.response_complete)
        if busy or idle < self.timeout_keep_alive:
            self._look_again_in(self.timeout_keep_alive if busy else self.timeout_keep_alive - idle)
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

    __slots__ = (
        "_answer",
        "_protocol",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
    )

    def __init__(self, protocol: ClickProtocol, answer: Answer) -> None:
        self._protocol = protocol
        self._answer = answer
        self.body = b""
        self.more_body = False
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False

    @property
    def message_event(self) -> "_Cycle":
        return self

    def set(self) -> None:
        """Nobody waits for a body."""

    def click_is_written(self, pulse: Pulse, click: Click, started: float) -> None:
        """Send the redirect, and count it."""
        self.respond()
        pulse.click(click.decision.redirect_type, time.perf_counter() - started)

    def respond(self) -> None:
        """Send the answer."""
        self.response_complete = True
        protocol, transport = self._protocol, self._protocol.transport
        if self.disconnected or transport.is_closing():
            return
        status, headers, body = self._answer
        lines = [STATUS_LINE[status]]
        for name, value in (*protocol.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        lines.append(body)
        transport.write(b"".join(lines))
        if not self.keep_alive:
            transport.close()
        protocol.on_response_complete()
