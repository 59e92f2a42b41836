"""How a web worker speaks HTTP: as uvicorn does, with a shorter way for plain clicks.

For every request uvicorn builds an ASGI scope, an event, a task and two messages, which together cost more
than all that a click is about. A plain click needs none of them: it is decided in the parser's callback,
where its records are in memory, and answered once it is written down. Whatever is in any way unusual takes
uvicorn's own way, to the same lane and the same answers; `tests/offers/http/test_parity.py` holds the two
together.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from offers.admission import Refusal
from offers.click_log.record import Click
from offers.click_paths import ClickPaths
from offers.handler import ClickHandler
from offers.http.limits import MAX_HEADERS, SMALL_BYTES, LimitedProtocol
from offers.http.request_line import origin_form
from offers.links.tokens import OLD_FORM_MARK
from offers.request import ClickRequest, read_click
from offers.response import Answer, redirect

# A request that brings a body, or wants another protocol, is no plain click.
_UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
SERVER_ERROR = Answer(500, ((b"cache-control", b"no-store"), (b"content-length", b"0")), b"")

logger = structlog.stdlib.get_logger(__name__)


def _rendered(answer: Answer, defaults: bytes) -> bytes:
    """An answer as it is sent; `defaults` are the lines of the headers that every answer has."""
    lines = [b"%b: %b\r\n" % header for header in answer.headers]
    return b"".join((STATUS_LINE[answer.status], defaults, *lines, b"\r\n", answer.body))


# The same with two places left open: for the headers that every answer has, and for the location.
_REDIRECT = _rendered(redirect("%b"), b"%b")


class ClickProtocol(LimitedProtocol):
    """One connection."""

    # Of all connections: the headers that every answer has, and their lines.
    _defaults: tuple[object, bytes] = (None, b"")

    def connection_made(self, transport: Any) -> None:
        """A new connection; it knows the paths of clicks."""
        super().connection_made(transport)
        paths: ClickPaths | None = self.app_state.get("click_paths")
        self._token_parameters: Mapping[bytes, str] = paths.spellings if paths else {}

    def on_message_begin(self) -> None:
        """Only what the parser fills; the scope is built for requests that take the long way."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_unusual = False
        self._bytes = self._body_bytes = 0
        self._is_reading = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; a trailer, which could say what a proxy has removed from the head, is none."""
        if not self._is_reading:
            self._count_trailer()
            return
        name = name.lower()
        if name in _UNUSUAL:
            self._is_unusual = True
            if name == b"content-length":
                self._check_length(value)
            super().on_header(name, value)
        else:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Answer a plain click, or let uvicorn do what it always does."""
        self._is_reading = False
        if self._bytes > SMALL_BYTES or len(self.headers) > MAX_HEADERS:
            self._check_head()
        arrived = time.perf_counter()
        path, _, rest = self.url.partition(b"?")
        token_parameter = self._token_parameters.get(path)
        if (
            token_parameter is None
            or not self._is_plain()
            or not self._take(rest.partition(b"#")[0], token_parameter, arrived)
        ):
            is_next = self.cycle is None or self.cycle.response_complete
            url, headers, expects = origin_form(self.url), self.headers, self.expect_100_continue
            super().on_message_begin()
            self.url, self.expect_100_continue = url, expects
            self.headers.extend(headers)
            if is_next:
                # One that has to wait for others arrives when its turn comes.
                self.scope["state"]["arrived"] = arrived
            super().on_headers_complete()
            self._has_rest, self._trailers = True, 0

    def on_message_complete(self) -> None:
        """A plain click ends with its head."""
        if self._has_rest:
            self._has_rest = False
            super().on_message_complete()
            if self._trailers and not self.parser.should_keep_alive():
                # The parser itself heeds a trailer, `Connection: close`, and drops what comes behind it.
                self._end_after_answer()

    def _is_plain(self) -> bool:
        cycle, parser = self.cycle, self.parser
        return (
            parser.get_method() == b"GET"
            and (cycle is None or cycle.response_complete)
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not self._is_unusual
            # Who does not read the answers has to wait, which is uvicorn's business.
            and not self.flow.write_paused
        )

    def _take(self, query_string: bytes, token_parameter: str, arrived: float) -> bool:
        """Begin to answer; gives whether the click is taken care of."""
        handler: ClickHandler | None = self.app_state.get("handler")
        if handler is None:
            return False
        peer = self.client[0] if self.client else ""
        try:
            request = read_click(query_string, self.headers, peer, False, token_parameter)
            if request.debug:
                return False
            cycle = _Cycle(self, handler, arrived)
            found = handler.examine_now(request)
            if found is not None:
                cycle.settle(found, request)
        except Exception as error:
            # The long way does it all again, and has an answer for every error.
            self._report(error)
            return False
        self.cycle = self._running = cast(RequestResponseCycle, cycle)
        if found is None:
            task = self.loop.create_task(cycle.examine(request))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return True

    def _report(self, problem: BaseException) -> None:
        """Count an error of ours; log the first of a second."""
        handler: ClickHandler | None = self.app_state.get("handler")
        if handler is None or handler.counters.error():
            super()._report(problem)

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
        self._answered_at = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            if self.flow.unparsed:
                # Later, because this may be called by the parser, which cannot be used from inside itself.
                self.loop.call_soon(self._parse_rest)
        self.flow.resume_reading()


class _Cycle:
    """One click on its way to its answer; to the protocol it looks like uvicorn's own."""

    click: Click
    # As uvicorn leaves them for a request without a body.
    body = b""
    more_body = False
    keep_alive = True
    disconnected = False
    response_complete = False

    def __init__(self, protocol: ClickProtocol, handler: ClickHandler, arrived: float) -> None:
        self._protocol = protocol
        self._handler = handler
        self._arrived = arrived

    @property
    def message_event(self) -> "_Cycle":
        return self

    def set(self) -> None:
        """Nobody waits for a body."""

    async def examine(self, request: ClickRequest) -> None:
        """Read from Redis what is not in memory, then go on as if it had been there."""
        try:
            self.settle(await self._handler.examine(request), request)
        except Exception as error:
            if self._handler.counters.error():
                logger.error("a click could not be answered", exc_info=error)
            self.send(_rendered(SERVER_ERROR, self._protocol.default_lines()))

    def settle(self, found: Click | Refusal, request: ClickRequest) -> None:
        """Write a click down, then send its redirect; send a refusal on the beat of refusals."""
        if isinstance(found, Click):
            self.click = found
            self._handler.clicks.write(found, self.click_is_written)
        else:
            answer = _rendered(self._handler.refuse(found, request), self._protocol.default_lines())
            self._handler.refusal_timing.call(self._arrived, partial(self.send, answer))

    def click_is_written(self, may_answer: bool) -> None:
        """Send the redirect, and count it; `may_answer` is false where the click could not be written."""
        click = self.click
        if not may_answer:
            answer = self._handler.refuse_unwritten(click.request)
            self.send(_rendered(answer, self._protocol.default_lines()))
            return
        self.send(_REDIRECT % (self._protocol.default_lines(), click.location.encode()))
        took_s = time.perf_counter() - self._arrived
        old_form = OLD_FORM_MARK in click.request.ad
        self._handler.counters.click(click.decision.redirect_type, took_s, old_form=old_form)

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
