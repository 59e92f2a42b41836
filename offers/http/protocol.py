"""The HTTP protocol of a web worker: answers plain clicks, and hands everything else to the ASGI application.

For every request uvicorn builds an ASGI scope, an event, a task and two messages, which together cost more
than the rest of a click. A plain click needs none of them: it is decided in the parser's callback if its
records are in memory, and answered once it is written down. Debug requests, other methods and other paths go
to uvicorn behind this protocol (`offers/http/application.py`); the connection stays ours.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import structlog
from uvicorn.config import Config
from uvicorn.server import ServerState

from offers.click_paths import ClickPaths
from offers.handler import ClickHandler
from offers.http.application import ApplicationProtocol
from offers.http.connection import HttpConnection
from offers.http.limits import BAD_REQUEST, METHOD_NOT_ALLOWED
from offers.http.messages import CLOSE, SERVER_ERROR, Request, header_lines, refusal, rendered, serialized
from offers.http.request_line import origin_form
from offers.request import ClickRequest, read_click
from offers.response import Answer, redirect

_GET, _HEAD = b"GET", b"HEAD"

logger = structlog.stdlib.get_logger(__name__)


# A redirect up to its location, without the headers that every answer has, and the rest of it.
_BEFORE_LOCATION, _AFTER_LOCATION = rendered(redirect("@"), b"%b").split(b"@")


class ClickProtocol(HttpConnection):
    """One connection of a web worker. uvicorn's server makes it, with the arguments of its protocols."""

    # Shared by all connections: the headers that every answer has, their lines, and a redirect up to its
    # location. uvicorn makes new headers once a second, because they include the date.
    _defaults: object = None
    _default_lines = _before_location = b""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config.timeout_keep_alive, _loop or asyncio.get_running_loop())
        self._config = config
        self._server = server_state
        self._state = app_state
        self._handler: ClickHandler | None = app_state.get("handler")
        self._paths: ClickPaths = app_state.get("click_paths") or ClickPaths()
        # Without a handler, or with a limit of connections that uvicorn has to keep, no click is plain.
        is_plain = self._handler is not None and config.limit_concurrency is None
        self._parameters: Mapping[bytes, str] = self._paths.spellings if is_plain else {}
        self._peer = ""
        self._application: ApplicationProtocol | None = None
        self._is_handed_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and register it at the server."""
        super().connection_made(transport)
        self._server.connections.add(self)  # type: ignore[arg-type]  # it needs `shutdown` alone
        peer = transport.get_extra_info("peername")
        # A Unix socket has a path and no address.
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""

    def connection_lost(self, error: Exception | None) -> None:
        """Unregister the connection; tell the application, too."""
        super().connection_lost(error)
        self._server.connections.discard(self)
        if self._application is not None:
            self._application.connection_lost(error)

    def _begin(self, request: Request) -> None:
        """Answer a plain click, or hand a request to the application."""
        arrived = time.perf_counter()
        path, _, query = request.target.partition(b"?")
        parameter = self._parameters.get(path)
        if parameter is None:
            self._begin_unusual(request, arrived)
        elif not self._answers_click(request, query, parameter, arrived):
            self._hand_over(request, request.target, arrived)

    def _begin_unusual(self, request: Request, arrived: float) -> None:
        """Do the same for a target that is not a usual spelling of a click's path."""
        target = origin_form(request.target)
        if not target.startswith(b"/"):
            # The server as a whole takes an OPTIONS (RFC 9110, 7.1), and we have no use for it.
            is_server = target == b"*" and request.method == b"OPTIONS"
            self._reject(METHOD_NOT_ALLOWED if is_server else BAD_REQUEST)
            return
        path, _, query = target.partition(b"?")
        parameter = self._paths.parameter(unquote(path.decode("ascii"))) if self._may_answer() else None
        if parameter is None or not self._answers_click(request, query, parameter, arrived):
            self._hand_over(request, target, arrived)

    def _may_answer(self) -> bool:
        """Return whether clicks may be answered here; over its limit of connections, uvicorn refuses."""
        limit, server = self._config.limit_concurrency, self._server
        if self._handler is None:
            return False
        return limit is None or max(len(server.connections), len(server.tasks)) < limit

    def _answers_click(self, request: Request, query: bytes, parameter: str, arrived: float) -> bool:
        """Begin to answer a click. Returns False if the application has to."""
        method = request.method
        if (method != _GET and method != _HEAD) or (handler := self._handler) is None:
            return False
        if b"#" in query:
            query = query.partition(b"#")[0]
        try:
            click = read_click(query, request.headers, self._peer, method == _HEAD, parameter)
            if click.debug:
                return False
            if not handler.answer_from_memory(click, arrived, self.send):
                task = self._loop.create_task(self._answer_later(handler, click, arrived))
                self._server.tasks.add(task)
                task.add_done_callback(self._server.tasks.discard)
        except Exception as error:
            self._report(error)
            # The application starts again from the request, and has an answer for every error.
            return self._current is not request
        return True

    async def _answer_later(self, handler: ClickHandler, click: ClickRequest, arrived: float) -> None:
        """Answer a click that needs records from Redis."""
        try:
            await handler.answer(click, arrived, self.send)
        except Exception as error:
            self._report(error)
            self.send(SERVER_ERROR)

    def _report(self, error: BaseException) -> None:
        """Count an error of ours; log the first of each second."""
        if self._handler is None or self._handler.count_error():
            logger.error("a click failed in the protocol", exc_info=error)

    def _hand_over(self, request: Request, target: bytes, arrived: float) -> None:
        """Let the application answer a request."""
        if self._application is None:
            self._state = {**self._state}
            self._application = ApplicationProtocol(
                self._application_answered, self._config, self._server, self._state, self._loop
            )
            self._application.connection_made(self._transport)
        self._state["arrived"] = arrived
        self._is_handed_over = True
        version = self._is_of_http_1_1(request)
        self._application.data_received(
            serialized(request, target, is_last=self._is_last, is_http_1_1=version)
        )

    def _application_answered(self) -> None:
        self._server.total_requests += 1
        self._is_handed_over = False
        if not self._is_held and not self._transport.is_closing():
            # uvicorn pauses reading if its application does not ask for the body.
            self._transport.resume_reading()
        self._answered()

    def send(self, answer: Answer) -> None:
        """Send the answer to the current request."""
        if answer.location is not None and not self._is_held:
            headers = self._server.default_headers
            if headers is not ClickProtocol._defaults:
                self._renew_defaults(headers)
            self._transport.write(ClickProtocol._before_location + answer.location.encode() + _AFTER_LOCATION)
        else:
            self._send_unusual(answer)
        self._server.total_requests += 1
        self._answered()

    def _send_unusual(self, answer: Answer) -> None:
        if self._current is None or self._transport.is_closing():
            return
        is_last, is_head = self._is_last, self._current.method == _HEAD
        lines = self._default_lines_now() + (CLOSE if is_last else b"")
        self._transport.write(rendered(answer, lines, head=is_head))
        if is_last:
            self._transport.close()

    def _refuse(self, status: int) -> None:
        """Write the answer to bytes that are not a request."""
        self._transport.write(rendered(refusal(status), self._default_lines_now() + CLOSE))

    def _default_lines_now(self) -> bytes:
        """Return the lines of the headers that every answer has."""
        headers = self._server.default_headers
        if headers is not ClickProtocol._defaults:
            self._renew_defaults(headers)
        return ClickProtocol._default_lines

    @staticmethod
    def _renew_defaults(headers: list[tuple[bytes, bytes]]) -> None:
        lines = header_lines(headers)
        ClickProtocol._defaults, ClickProtocol._default_lines = headers, lines
        ClickProtocol._before_location = _BEFORE_LOCATION % lines

    def _end(self, status: int = 0) -> None:
        """End reading; an answer of the application that is under way then closes the connection."""
        super()._end(status)
        if self._application is not None and self._is_handed_over and self._is_last:
            self._application.shutdown()

    def pause_writing(self) -> None:
        """Pause reading; tell the application, too."""
        super().pause_writing()
        if self._application is not None:
            self._application.pause_writing()

    def resume_writing(self) -> None:
        """Resume; tell the application, too."""
        if self._application is not None:
            self._application.resume_writing()
        super().resume_writing()
