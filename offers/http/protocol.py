"""How a web worker speaks HTTP: as uvicorn does, with a shorter way for plain clicks.

For every request uvicorn builds an ASGI scope, an event, a task and two messages, which together cost more
than all that a click is about. A plain click needs none of them: it is decided in the parser's callback,
where its records are in memory, and answered once it is written down. Whatever is in any way unusual takes
uvicorn's own way, to the same `ClickHandler`; `tests/offers/http/test_parity.py` holds the two together.
"""

import time
from collections.abc import Mapping
from typing import Any, cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from offers.click_paths import ClickPaths
from offers.handler import ClickHandler
from offers.http.limits import MAX_HEADERS, SMALL_BYTES, LimitedProtocol
from offers.http.request_line import origin_form
from offers.request import ClickRequest, read_click
from offers.response import EMPTY, NO_STORE, Answer, redirect

# A request that brings a body, or wants another protocol, is no plain click.
_UNUSUAL = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
SERVER_ERROR = Answer(500, (NO_STORE, EMPTY))

logger = structlog.stdlib.get_logger(__name__)


def _rendered(answer: Answer, defaults: bytes) -> bytes:
    """An answer as it is sent; `defaults` are the lines of the headers that every answer has."""
    lines = [b"%b: %b\r\n" % header for header in answer.headers]
    return b"".join((STATUS_LINE[answer.status], defaults, *lines, b"\r\n", answer.body))


# A redirect in two parts, which go around its location; the first still lacks what every answer has.
_BEFORE_LOCATION, _AFTER_LOCATION = _rendered(redirect("@"), b"%b").split(b"@")


class ClickProtocol(LimitedProtocol):
    """One connection."""

    # Of all connections: the headers that every answer has, their lines, and a redirect up to its location.
    _defaults: tuple[object, bytes, bytes] = (None, b"", b"")

    def connection_made(self, transport: Any) -> None:
        """A new connection; it knows who clicks, and what answers clicks at which paths."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        self._handler: ClickHandler | None = self.app_state.get("handler")
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
        """Begin to answer; return whether the click is taken care of."""
        handler = self._handler
        if handler is None:
            return False
        try:
            request = read_click(query_string, self.headers, self._peer, False, token_parameter)
            if request.debug:
                return False
            cycle = _Cycle(self)
            is_taken = handler.answer_from_memory(request, arrived, cycle.send)
        except Exception as error:
            # The long way does it all again, and has an answer for every error.
            self._report(error)
            return False
        self.cycle = self._running = cast(RequestResponseCycle, cycle)
        if not is_taken:
            task = self.loop.create_task(cycle.answer(handler, request, arrived))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return True

    def _report(self, problem: BaseException) -> None:
        """Count an error of ours; log the first of a second."""
        if self._handler is None or self._handler.count_error():
            super()._report(problem)

    def rendered(self, answer: Answer) -> bytes:
        """An answer as it is sent, with the headers that every answer has."""
        headers = self.server_state.default_headers
        known, lines, before_location = ClickProtocol._defaults
        # uvicorn makes new ones once a second.
        if known is not headers:
            lines = b"".join([b"%b: %b\r\n" % header for header in headers])
            before_location = _BEFORE_LOCATION % lines
            ClickProtocol._defaults = headers, lines, before_location
        if answer.location is None:
            return _rendered(answer, lines)
        return before_location + answer.location.encode() + _AFTER_LOCATION

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
        if self.flow.read_paused:
            self.flow.resume_reading()


class _Cycle:
    """One click on its way to its answer; to the protocol it looks like uvicorn's own."""

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

    async def answer(self, handler: ClickHandler, request: ClickRequest, arrived: float) -> None:
        """Answer a click whose records have to be read from Redis first."""
        try:
            await handler.answer(request, arrived, self.send)
        except Exception as error:
            if handler.count_error():
                logger.error("a click could not be answered", exc_info=error)
            self.send(SERVER_ERROR)

    def send(self, answer: Answer) -> None:
        """Send the answer."""
        self.response_complete = True
        protocol, transport = self._protocol, self._protocol.transport
        if self.disconnected or transport.is_closing():
            return
        if self.keep_alive:
            transport.write(protocol.rendered(answer))
        else:
            head, _, body = protocol.rendered(answer).partition(b"\r\n\r\n")
            transport.write(b"%b\r\nconnection: close\r\n\r\n%b" % (head, body))
            transport.close()
        protocol.on_response_complete()
