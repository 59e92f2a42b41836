"""uvicorn behind our own protocol: runs the ASGI application for requests that are not plain clicks."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

Send = Callable[[Any], Awaitable[None]]


class ApplicationProtocol(HttpToolsProtocol):
    """uvicorn's protocol on a connection that we read: it gets one whole request at a time, and answers it.

    So it needs no limits, queue or timers. `on_answered` is called after every answer.
    """

    def __init__(self, on_answered: Callable[[], None], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._on_answered = on_answered

    def connection_made(self, transport: Any) -> None:
        """Take the connection, but not its registration at the server: that must not close it through us."""
        super().connection_made(transport)
        self.connections.discard(self)

    def on_headers_complete(self) -> None:
        """Begin a request. The answer to one of HTTP/1.0 ends with the connection."""
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.send = partial(_send_unchunked, self.cycle, self.cycle.send)  # type: ignore[method-assign]

    def on_response_complete(self) -> None:
        """Report the end of an answer; uvicorn would count it and start the next request, as we do."""
        self._on_answered()


async def _send_unchunked(cycle: RequestResponseCycle, send: Send, message: Any) -> None:
    """Send a part of an answer, which uvicorn would send in chunks if the answer has no length.

    A client of HTTP/1.0 may not get chunks (RFC 9112, 6.1).
    """
    cycle.chunked_encoding = False
    cycle.expected_content_length = len(message.get("body", b""))
    await send(message)
