"""The application of a web worker whose calls are watched; `/calls` gives those since the last time."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from cotraffic.asgi import application as inner
from tests.processes import PROJECT

SITE_PACKAGES = "site-packages"
_seen: set[tuple[str, str]] = set()


def _watch(frame: FrameType, event: str, _argument: object) -> None:
    if event == "call":
        _seen.add((frame.f_code.co_filename, frame.f_code.co_qualname))


def taken() -> list[str]:
    """Return the project's functions that were called, as "file function", and forget them."""
    found, root = set(), str(PROJECT)
    for file, function in _seen:
        if file.startswith(root) and SITE_PACKAGES not in file and "/tests/" not in file:
            found.add(f"{Path(file).relative_to(root)} {function}")
    _seen.clear()
    return sorted(found)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer `/calls`, and watch from the first time on; everything else is the worker's own."""
    if scope["type"] != "http" or scope["path"] != "/calls":
        await inner(scope, receive, send)
        return
    sys.setprofile(None)
    body = msgspec.json.encode(taken())
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    sys.setprofile(_watch)
