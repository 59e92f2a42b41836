"""A look at the parts of this instance, as the overview takes it, and a web worker for it to see."""

import asyncio
import time
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis as AsyncRedis

from cotraffic.diagnostics.overview import look
from cotraffic.diagnostics.overview.component import Component, sources
from offers.stats.counters import WorkerCounters
from offers.stats.types import Cache, OpenDatabase


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def parts() -> dict[str, Component]:
    """Every part that the overview has now, by its key."""
    return {part.key: part for part in look(sources()).parts}


def fact(part: Component, label: str) -> str:
    """What a part says under a label, which it has once."""
    [found] = [fact for fact in part.facts if fact.label == label]
    return found.text or "\n".join(found.lines)


def publish(
    url: str, commits: Mapping[str, int] | None = None, databases: Sequence[OpenDatabase] = ()
) -> None:
    """Let a web worker tell of itself that it has answered a click in 0.4 ms."""
    counts = {"logged": 5, "spooled": 0, "lost": 0} | dict(commits or {})
    counters = WorkerCounters(lambda: ({"tokens": Cache(5, 10, 9, 1)}, counts), lambda: list(databases))
    counters.click("defaultRedirection", 0.0004)

    async def once() -> None:
        async with AsyncRedis.from_url(url) as connection:
            await counters.publish(connection)

    asyncio.run(once())
