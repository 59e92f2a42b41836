"""Gives views the click handler of the web worker that they run in."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from django.http import HttpRequest

from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.handler import ClickHandler


@asynccontextmanager
async def handler_for(request: HttpRequest) -> AsyncIterator[ClickHandler]:
    """Provide the worker's own click handler, or, under WSGI (runserver), one for this request.

    Raises `OSError` or `ValueError` if one cannot be built; `manage.py check` says why.
    """
    scope = getattr(request, "scope", None)
    if scope is not None:
        yield scope["state"]["handler"]
        return
    redis = open_redis()
    async with aclosing(redis):
        yield build_handler(redis, build_click_writer())
