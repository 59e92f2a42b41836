"""Gives every request that Django answers an id, which is in its answer and in all of its log lines."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
# Accepts ids that a load balancer may have set; other text must not get into our log.
_USABLE = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class RequestIds:
    """Middleware that takes over X-Request-ID or makes an id, and returns it in the answer."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Return the answer, or an awaitable of it if the inner handler is asynchronous."""
        if self._is_async:
            return self._later(request)
        request_id = _id_of(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            return _named(self._get_response(request), request_id)

    async def _later(self, request: HttpRequest) -> HttpResponse:
        request_id = _id_of(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            return _named(await self._get_response(request), request_id)


def _id_of(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    return given if _USABLE.fullmatch(given) else uuid.uuid4().hex


def _named(response: HttpResponse, request_id: str) -> HttpResponse:
    response.headers[HEADER] = request_id
    return response
