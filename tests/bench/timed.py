"""The application with a stopwatch at every step of a click, for `make profile`; `/steps` gives the times.

A step's time is CPU time and its own: without that of the steps inside it, and of the stopwatch itself.
"""

import functools
import types
from collections.abc import Callable, Coroutine, Generator
from time import thread_time_ns
from typing import Any

import msgspec

from cotraffic import asgi
from offers import bootstrap, handler
from offers.click_log import writer
from offers.click_log.connection import LogConnection, _Pipe
from offers.click_log.writer import ClickWriter
from offers.handler import ClickHandler
from offers.http import protocol

CALIBRATION_CALLS = 200_000


class Stopwatch:
    """Adds up nanoseconds by step."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self._inside = 0
        self._own_cost = self._outer_cost = 0.0
        self._calibrate()

    def on(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time added to the step."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            around, self._inside = self._inside, 0
            started = thread_time_ns()
            try:
                return function(*arguments, **named)
            finally:
                self._stop(step, started, around)

        return timed

    def on_steps_of(self, step: str, function: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
        """The coroutine function, with the time that it runs, not that it waits, added to the step."""

        @types.coroutine
        def drive(*arguments: Any) -> Generator[Any, Any, Any]:
            coroutine = function(*arguments)
            resume: Callable[[], Any] = functools.partial(coroutine.send, None)
            while True:
                try:
                    waits_for = self.on(step, resume)()
                except StopIteration as end:
                    return end.value
                try:
                    resume = functools.partial(coroutine.send, (yield waits_for))
                except BaseException as error:
                    resume = functools.partial(coroutine.throw, error)

        return drive

    def read(self) -> dict[str, tuple[float, int]]:
        """Microseconds and calls by step since the last time, corrected."""
        found = {
            step: ((spent - self.calls[step] * self._own_cost) / 1000, self.calls[step])
            for step, spent in self.spent.items()
        }
        self.spent, self.calls = {}, {}
        return found

    @property
    def cost_us(self) -> float:
        """What the stopwatch costs each time, in microseconds."""
        return (self._own_cost + self._outer_cost) / 1000

    def _stop(self, step: str, started: int, around: int) -> None:
        took = thread_time_ns() - started
        self.spent[step] = self.spent.get(step, 0) + took - self._inside
        self.calls[step] = self.calls.get(step, 0) + 1
        self._inside = around + took + int(self._outer_cost)

    def _calibrate(self) -> None:
        """Find what a stopwatch adds to its own step, and what to the step around it."""

        def nothing() -> None:
            return

        timed = self.on("nothing", nothing)
        bare = _nanoseconds(nothing)
        whole = _nanoseconds(timed)
        self._own_cost = self.spent["nothing"] / self.calls["nothing"] - bare / 2
        self._outer_cost = whole - self.spent["nothing"] / self.calls["nothing"]
        self.spent, self.calls = {}, {}


def _nanoseconds(function: Callable[[], object]) -> float:
    started = thread_time_ns()
    for _ in range(CALIBRATION_CALLS):
        function()
    return (thread_time_ns() - started) / CALIBRATION_CALLS


watch = Stopwatch()


def _timed_handler(*arguments: Any) -> ClickHandler:
    """The click handler that a worker builds, each of its steps with a stopwatch."""
    handler = _build_handler(*arguments)
    for step, owner, name in (
        ("token", handler.tokens, "read"),
        ("visitor", handler.visitors, "read"),
        ("rules", handler, "decide"),
        ("landing", handler, "landing"),
        ("lid, click", handler, "resolve"),
        ("answer", handler, "finish"),
        ("answer", handler, "_written"),
        ("counters", handler.counters, "click"),
    ):
        setattr(owner, name, watch.on(step, getattr(owner, name)))
    return handler


_build_handler = bootstrap.build_handler
setattr(asgi, "build_handler", _timed_handler)  # noqa: B010 - the type checker would forbid it, and rightly
for _step, _owner, _name in (
    ("HTTP", protocol.ClickProtocol, "data_received"),
    ("query and headers", protocol, "read_click"),
    ("catalog", handler, "admit"),
    ("record", writer, "record"),
    ("record", writer, "fingerprint"),
    ("record", writer, "due_conversion"),
    ("commit", ClickWriter, "write"),
    ("commit: send", LogConnection, "append"),
    ("commit", _Pipe, "data_received"),
    ("answer", protocol.ClickProtocol, "send"),
):
    setattr(_owner, _name, watch.on(_step, getattr(_owner, _name)))
setattr(ClickWriter, "_commit_batches", watch.on_steps_of("commit", ClickWriter._commit_batches))  # noqa: B010


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The real one; `/steps` gives what the stopwatch shows, and sets it back."""
    if scope["type"] == "http" and scope["path"] == "/steps":
        body = msgspec.json.encode({"cost_us": watch.cost_us, "steps": watch.read()})
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    else:
        await asgi.application(scope, receive, send)
