"""A catalog that hears of changes, and what tests wait for in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import redis
import redis.asyncio

from offers.catalog.catalog import Catalog
from recipes.store.reader import RecipeReader
from tests.processes import DEADLINE_SECONDS


@asynccontextmanager
async def watched_catalog(url: str, max_records: int = 100) -> AsyncIterator[Catalog]:
    """A catalog that hears of changes."""
    async with redis.asyncio.Redis.from_url(url, socket_timeout=2) as client:
        catalog = Catalog(RecipeReader(client), max_records)
        watching = asyncio.create_task(catalog.watch())
        try:
            await until(lambda: is_version(catalog))
            yield catalog
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


async def is_version(catalog: Catalog) -> bool:
    """Whether the catalog has learned of a version."""
    return catalog.version > 0


async def until(condition: Callable[[], Awaitable[bool]]) -> float:
    """Wait until the condition holds; gives the seconds it took."""
    started = time.monotonic()
    while not await condition():
        assert time.monotonic() - started < DEADLINE_SECONDS, "it did not happen in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


async def name_of(catalog: Catalog, offer_id: int) -> str | None:
    """The name of an offer."""
    offer = await catalog.offer(offer_id)
    return offer.name if offer else None


async def named(catalog: Catalog, name: str | None, offer_id: int = 1) -> bool:
    """Whether an offer has this name."""
    return await name_of(catalog, offer_id) == name
