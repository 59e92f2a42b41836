"""The application with a fault that a test turns on, for gunicorn: `tests.failing:application`.

`FAULT` names a file. While it is there, a worker fails at its start with the error that the file names, or,
where the file says `protocol`, whenever a click is decided there.
"""

import builtins
import os
from pathlib import Path
from typing import Any

from cotraffic import asgi
from offers.handler import ClickHandler, Send
from offers.request import ClickRequest

IN_PROTOCOL = "protocol"
application = asgi.application
_file = Path(os.environ["FAULT"])
_names = vars(asgi)
_build, _answer = _names["build_handler"], ClickHandler.answer_from_memory


def _fault() -> str:
    return _file.read_text() if _file.exists() else ""


def _build_or_fail(*arguments: Any) -> ClickHandler:
    if (fault := _fault()) and fault != IN_PROTOCOL:
        raise getattr(builtins, fault)("a fault that was asked for")
    handler: ClickHandler = _build(*arguments)
    return handler


def _answer_or_fail(self: ClickHandler, request: ClickRequest, arrived: float, send: Send) -> bool:
    if _fault() == IN_PROTOCOL:
        raise KeyError("a fault that was asked for")
    return _answer(self, request, arrived, send)


_names["build_handler"] = _build_or_fail
ClickHandler.answer_from_memory = _answer_or_fail  # type: ignore[method-assign]
