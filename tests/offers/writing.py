"""Writers of clicks for tests, and what came of their clicks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import redis

from devstack.services import LOCALHOST, Service
from lib.shared_redis import open_shared
from offers.click_log.commit import Fate
from offers.click_log.connection import LogConnection
from offers.click_log.record import Click
from offers.click_log.shared import SharedBatches
from offers.click_log.stream import LOG
from offers.click_log.writer import ClickWriter
from offers.live_caps.counts import LiveCaps
from offers.spool.spool import Spool
from tests.offers.builders import context, decided

# So long that none but a Redis that is away or hangs sends a click to the spool, however busy the machine is.
TIMEOUT_SECONDS = 20.0


@asynccontextmanager
async def writing(
    url: str,
    spool: Path,
    shared_url: str = "",
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    queue_conversions: bool = True,
    answers_unwritten: bool = True,
    memory_percent: float = 100.0,
    live_caps: LiveCaps | None = None,
) -> AsyncIterator[ClickWriter]:
    """A running writer, as a web worker has it."""
    half = timeout_seconds / 2
    shared = open_shared(shared_url, half) if shared_url else None
    batches = SharedBatches(shared, half) if shared else None
    writer = ClickWriter(
        LogConnection(url, memory_percent),
        Spool(spool),
        batches,
        timeout_seconds,
        live_caps=live_caps,
        queue_conversions=queue_conversions,
        answers_unwritten=answers_unwritten,
    )
    await writer.connection.open()
    running = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        if shared:
            await shared.aclose()


async def written(writer: ClickWriter, click: Click) -> bool:
    """Write a click down; returns whether it may be answered."""
    return await fate(writer, click) is Fate.ANSWER


async def fate(writer: ClickWriter, click: Click) -> Fate:
    """Write a click down; returns what became of it."""
    waiting: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()

    def release(found: Fate) -> None:
        # The waiting task may have been cancelled meanwhile; the click is written all the same.
        if not waiting.done():
            waiting.set_result(found)

    writer.write(click, release)
    return await waiting


def some_click(lid: str = "the-lid", query: bytes = b"", **kwargs: object) -> Click:
    return decided(context(**kwargs), query, lid)  # type: ignore[arg-type]


def logged(client: redis.Redis) -> dict[str, str]:
    """What the log has, as lid -> unique."""
    entries: list[tuple[bytes, dict[bytes, bytes]]] = client.xrange(LOG)  # type: ignore[assignment]
    return {msgspec.json.decode(kept[b"click"])["lid"]: kept[b"unique"].decode() for _, kept in entries}


def url_of(service: Service) -> str:
    return f"redis://{LOCALHOST}:{service.port}/0"
