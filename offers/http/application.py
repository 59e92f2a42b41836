"""uvicorn behind our own protocol: runs the ASGI application for requests that are not plain clicks."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


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

    def on_response_complete(self) -> None:
        """Report the end of an answer; uvicorn would count it and start the next request, as we do."""
        self._on_answered()
