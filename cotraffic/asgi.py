"""The ASGI application: what opens with a worker, and what answers a request."""

import asyncio
import gc
import os
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog
from django.core.asgi import get_asgi_application
from redis.asyncio import Redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cotraffic.settings")
django_application = get_asgi_application()

from cotraffic.ops import endpoints  # noqa: E402 - Django's settings come first
from offers.bootstrap import build_click_writer, build_handler, open_redis, preload  # noqa: E402
from offers.links.links import click_paths  # noqa: E402

logger = structlog.stdlib.get_logger(__name__)

preload()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer probes, and hand all else to Django; plain clicks were answered by `offers.http.protocol`.

    Start and end of a worker open and close what they need.
    """
    if scope["type"] == "http" and scope["path"] in endpoints.PATHS:
        await scope["state"]["endpoints"](scope, send)
    elif scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
    else:
        await django_application(scope, receive, send)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Open a click handler for this worker, hand it to requests as `scope["state"]["handler"]`, and close it.

    With it come the paths of clicks, as `scope["state"]["click_paths"]`, and what answers the probes, as
    `scope["state"]["endpoints"]`.

    See https://asgi.readthedocs.io/en/latest/specs/lifespan.html.
    """
    await receive()
    try:
        redis, working = await _open(scope["state"])
    except BaseException as error:
        # What the settings and the files may cause says all there is to say; the rest is a fault of ours.
        trace = None if isinstance(error, OSError | ValueError) else error
        hint = "run `./manage.py check`: it says what to do"
        logger.critical("the worker ends, it cannot start", problem=str(error), hint=hint, exc_info=trace)
        await send({"type": "lifespan.startup.failed", "message": ""})
        if isinstance(error, Exception):
            return
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    await redis.aclose()
    await send({"type": "lifespan.shutdown.complete"})


async def _open(state: dict[str, object]) -> tuple[Redis, "asyncio.Task[None]"]:
    """Put what answers requests into `state`. Returns what is to be closed and cancelled at the end."""
    state["click_paths"] = click_paths()
    redis, clicks = open_redis(), build_click_writer()
    handler = build_handler(redis, clicks)
    state["endpoints"] = endpoints.build(redis, handler)
    state["handler"] = handler
    await clicks.connection.open()
    working = asyncio.create_task(_work(handler.catalog.watch(), clicks.run(), handler.counters.run(redis)))
    working.add_done_callback(_end_if_failed)
    # What is loaded by now stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    return redis, working


async def _work(*jobs: Coroutine[object, object, None]) -> None:
    """Do what a worker does beside its requests, until cancelled. Raises `ExceptionGroup`."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(job)


def _end_if_failed(working: "asyncio.Task[None]") -> None:
    """End a worker that can no longer write clicks down: the one that replaces it is worth more."""
    problem = None if working.cancelled() else working.exception()
    if problem is not None:
        logger.critical("the worker ends, its background work has failed", exc_info=problem)
        os.kill(os.getpid(), signal.SIGTERM)
