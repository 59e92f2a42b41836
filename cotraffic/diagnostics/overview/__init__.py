"""The overview: the parts of an instance, each with a light and a sentence."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from redis.exceptions import RedisError

from cotraffic.diagnostics.overview import (
    archive,
    background,
    clicks,
    corecipe,
    geoip,
    recipe,
    redis_server,
    s3,
)
from cotraffic.diagnostics.overview.component import Component, Light, Sources, unknown
from offers.stats.types import Worker

__all__ = ["Component", "Overview", "Sources", "look"]

ReadParts = Callable[[Sources], Iterable[Component]]

GEOIP = "GeoIP databases"
# In the order of the page, each with its title while its state cannot be read.
_PARTS: tuple[tuple[str, ReadParts], ...] = (
    ("Recipe", recipe.parts),
    ("co-recipe", corecipe.parts),
    ("S3", s3.parts),
    ("DynamoDB delivery", clicks.parts),
    (archive.TITLE, archive.parts),
    (GEOIP, geoip.parts),
    ("Celery", background.parts),
)


class Overview(NamedTuple):
    """The whole page; `workers` is None if they are not known."""

    parts: list[Component]
    workers: list[Worker] | None
    read_at_s: float

    @property
    def wrong(self) -> list[Component]:
        """The parts with an error or a warning, the worst first."""
        return [part for state in (Light.ERROR, Light.WARNING) for part in self.parts if part.state == state]

    @property
    def well(self) -> list[Component]:
        """The parts that need no look: they are well, or not in use."""
        return [part for part in self.parts if part.state in (Light.OK, Light.OFF)]

    @property
    def open(self) -> list[Component]:
        """The parts to look at: the wrong ones, the worst first, then those of which nothing is known."""
        return [*self.wrong, *(part for part in self.parts if part.state is Light.UNKNOWN)]

    @property
    def cache_names(self) -> list[str]:
        """The names of the workers' caches, in the order in which workers publish them."""
        return list(self.workers[0].caches) if self.workers else []

    @property
    def state(self) -> Light:
        """The worst state of any part."""
        return self.wrong[0].state if self.wrong else Light.OK


def look(sources: Sources) -> Overview:
    """Read the state of every part; one that cannot be read is shown as unknown, beside the others."""
    server, answers = redis_server.part(sources)
    parts = [server]
    for title, read in _PARTS:
        if answers:
            parts += _parts(title, read, sources)
        elif title == GEOIP:
            parts += geoip.parts_of_files(sources.now)
        else:
            parts.append(unknown(title))
    if not answers:
        parts += clicks.spool_parts()
    return Overview(parts, _workers(sources) if answers else None, time.time())


def _parts(title: str, read: ReadParts, sources: Sources) -> list[Component]:
    try:
        return list(read(sources))
    except RedisError:
        return [unknown(title)]


def _workers(sources: Sources) -> list[Worker] | None:
    try:
        return sources.counters.workers(sources.now)
    except RedisError:
        return None
