"""The paths for machines that look after an instance: `/health`, `/ready` and `/metrics`.

They are answered without Django, so that no host name, session or database can make them fail.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from django.conf import settings
from prometheus_client import CollectorRegistry
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cotraffic.ops.metrics.instance import InstanceCollector
from cotraffic.ops.metrics.page import MetricsPage
from cotraffic.ops.metrics.processes import WebProcesses
from cotraffic.ops.metrics.worker import WorkerMetrics
from cotraffic.ops.readiness import Probes
from offers.handler import ClickHandler
from offers.request import Scope
from recipes.store.reader import RecipeReader

PATHS = frozenset({"/health", "/ready", "/metrics"})
TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"
OK = b"Ok"
# Prometheus gives up on a page of metrics that takes longer.
REDIS_SECONDS = 1.0

Send = Callable[[dict[str, object]], Awaitable[None]]
Found = tuple[int, bytes, bytes]


class Endpoints:
    """Answers those paths for one worker."""

    def __init__(self, probes: Probes, metrics: MetricsPage) -> None:
        self._probes = probes
        self._metrics = metrics

    async def __call__(self, scope: Scope, send: Send) -> None:
        """Answer a request for one of `PATHS`."""
        if scope["method"] not in ("GET", "HEAD"):
            await _respond(send, 405, TEXT, b"Method Not Allowed\n", (b"allow", b"GET, HEAD"))
            return
        status, content_type, body = await self._answer(scope)
        await _respond(send, status, content_type, body, with_body=scope["method"] == "GET")

    async def _answer(self, scope: Scope) -> Found:
        if scope["path"] == "/health":
            return 200, TEXT, OK
        if scope["path"] == "/ready":
            found = await self._probes.ready()
            words = {
                "status": found.status,
                "instance": settings.INSTANCE_NAME,
                "version": settings.VERSION,
                **msgspec.structs.asdict(found),
            }
            return 503 if found.missing else 200, JSON, msgspec.json.encode(words)
        if not self._metrics.admits(scope):
            # Clients that are not in METRICS_ALLOW must not see that the page exists.
            return 404, TEXT, b"Not Found\n"
        # In a thread, because it waits for Redis and must not hold clicks up.
        content_type, body = await asyncio.to_thread(self._metrics.render, scope)
        return 200, content_type, body


def build(redis: AsyncRedis, handler: ClickHandler) -> Endpoints:
    """Build the endpoints of a worker. Raises `ValueError` for an unusable METRICS_ALLOW."""
    own = CollectorRegistry()
    worker = WorkerMetrics(own, handler.counters.describe, handler.geo.databases)
    handler.counters.observers.append(worker.on_counted)
    client = Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    instance = InstanceCollector(client, Path(settings.CLICK_SPOOL_DIR))
    collectors = (instance, WebProcesses(os.getpid()))
    return Endpoints(
        Probes(
            RecipeReader(redis),
            handler.geo,
            settings.RECIPE_STALE_SECONDS,
            lambda: handler.clicks.problem,
            lambda: handler.clicks.spool_problem,
        ),
        MetricsPage(own, collectors, settings.METRICS_ALLOW, settings.TRUSTED_PROXIES),
    )


async def _respond(
    send: Send,
    status: int,
    content_type: bytes,
    body: bytes,
    *more: tuple[bytes, bytes],
    with_body: bool = True,
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body if with_body else b""})
