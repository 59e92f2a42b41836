"""Serves static files under ASGI, from the source tree or from where they were collected."""

import io
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise without a thread for every request that passes through, and without streaming.

    The library's middleware is synchronous, so Django would run it in a thread. Our files are small and are
    read whole.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        super().__init__(get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer with the file, or let the rest of the site answer."""
        return self._answer(request) if self._is_async else super().__call__(request)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        found = self.find_file(path) if self.autorefresh else self.files.get(path)
        return await self.get_response(request) if found is None else self.serve(found, request)

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """Answer with the file, or with 304 or a part of it if the request's headers ask for that."""
        answer = static_file.get_response(request.method, request.META)
        with answer.file or io.BytesIO() as file:
            response = HttpResponse(file.read(), status=int(answer.status))
        del response["content-type"]
        for name, value in answer.headers:
            response[name] = value
        return response

    def add_files(self, root: str | Path, prefix: str | None = None) -> None:
        """Add the files below `root`, if any were collected there."""
        if Path(root).is_dir():
            super().add_files(root, prefix)


class CollectedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Names files by their content, or as in the source tree as long as none were collected.

    The library alone would fail every page until then.
    """

    def url(self, name: str | None, force: bool = False) -> str:
        """Return the URL of the file."""
        if self.hashed_files:
            return str(super().url(name, force))
        return str(StaticFilesStorage.url(self, name))
