"""The overview: the parts of an instance, each with a light and a sentence."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from redis.exceptions import RedisError

from cotraffic.diagnostics.overview import background, clicks, corecipe, geoip, recipe, redis_server, s3
from cotraffic.diagnostics.overview.component import ERROR, WARNING, Component, Sources, unknown
from offers.stats.types import Worker

__all__ = ["Component", "Overview", "Sources", "look"]

ClickContext = Callable[[Sources], Iterable[Component]]

GEOIP = "GeoIP databases"
# In the order of the page, each with its title while its state cannot be read.
_PARTS: tuple[tuple[str, ClickContext], ...] = (
    ("Recipe", recipe.parts),
    ("co-recipe", corecipe.parts),
    ("S3", s3.parts),
    ("DynamoDB delivery", clicks.parts),
    (GEOIP, geoip.parts),
    ("Celery", background.parts),
)


class Overview(NamedTuple):
    """Everything at a glance; `workers` None: not known."""

    parts: list[Component]
    workers: list[Worker] | None
    asked_s: float

    @property
    def wrong(self) -> list[Component]:
        """The parts with an error or a warning, the worst first."""
        return [part for state in (ERROR, WARNING) for part in self.parts if part.state == state]

    @property
    def cache_names(self) -> list[str]:
        """The names of the workers' caches, in the order in which workers publish them."""
        return list(self.workers[0].caches) if self.workers else []

    @property
    def state(self) -> str:
        """The worst state of any part."""
        return self.wrong[0].state if self.wrong else "ok"


def look(sources: Sources) -> Overview:
    """Read the state of every part; one that cannot be read is shown as unknown, beside the others."""
    server, answers = redis_server.part(sources)
    parts = [server]
    for title, context in _PARTS:
        if answers:
            parts += _asked(title, context, sources)
        elif title == GEOIP:
            parts += geoip.parts_of_files(sources.now)
        else:
            parts.append(unknown(title))
    if not answers:
        parts += clicks.spool_parts()
    return Overview(parts, _workers(sources) if answers else None, time.time())


def _asked(title: str, context: ClickContext, sources: Sources) -> list[Component]:
    try:
        return list(context(sources))
    except RedisError:
        return [unknown(title)]


def _workers(sources: Sources) -> list[Worker] | None:
    try:
        return sources.counters.workers(sources.now)
    except RedisError:
        return None
