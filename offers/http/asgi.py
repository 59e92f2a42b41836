"""The entry point through ASGI: plain clicks that our own protocol did not take, answered from their scope.

Everything else (debug, other methods and paths) is left to Django. The interface is ASGI's:
https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from offers.click_paths import ClickPaths
from offers.handler import ClickHandler
from offers.request import ClickRequest, Scope, read_request

METHODS = frozenset({"GET", "HEAD"})

Send = Callable[[dict[str, Any]], Awaitable[None]]


def plain_click(scope: Scope) -> ClickRequest | None:
    """The click in an HTTP scope, or None where it is something else, or asks for debug."""
    paths: ClickPaths = scope["state"]["click_paths"]
    token_parameter = paths.parameter(scope["path"])
    if token_parameter is None or scope["method"] not in METHODS:
        return None
    request = read_request(scope, token_parameter)
    return None if request.debug else request


async def answer(handler: ClickHandler, request: ClickRequest, arrived: float | None, send: Send) -> None:
    """Answer a plain click; `arrived` is as in `ClickHandler`."""
    found = await handler(request, arrived)
    await send({"type": "http.response.start", "status": found.status, "headers": found.headers})
    await send({"type": "http.response.body", "body": b"" if request.head else found.body})
