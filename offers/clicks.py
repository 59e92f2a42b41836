"""The group commit: clicks go into the log together, and each waits until Redis has acknowledged its batch.

While one batch is on its way the clicks that arrive join the next, which leaves as soon as the previous one
has returned: a click waits for one round trip, or two, and however many clicks there are share it. Where
Redis is away or slow, the batch goes to the spool instead, and from there into the log when Redis is back.
"""

import asyncio
import time
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import msgspec
import structlog
from redis.exceptions import RedisError

from offers.click_log import ARGUMENTS_PER_CLICK, DEAD, TOTALS
from offers.click_record import Click, fingerprint, record
from offers.conversions import due_conversion
from offers.log_connection import LogConnection
from offers.seen import SharedSeen
from offers.spool import Spool, SpooledClick
from offers.spool_replay import parts

BATCH_CLICKS = 1000
REPLAY_SECONDS = 0.5
# A disk that hangs must not hold up the visitors.
SPOOL_SECONDS = 2.0
LOST_LOG_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class CommitCounts(msgspec.Struct):
    """What this worker's commits came to since it started, in clicks (`batches`: in batches)."""

    batches: int = 0
    logged: int = 0
    spooled: int = 0
    replayed: int = 0
    lost: int = 0


class ClickWriter:
    """Writes clicks down; `run` has to be running, in the same event loop."""

    def __init__(
        self,
        connection: LogConnection,
        spool: Spool,
        seen: SharedSeen | None,
        timeout_seconds: float,
        *,
        tells_conversions: bool = True,
    ) -> None:
        """`tells_conversions`: somebody sends conversion messages; else they would pile up in the log."""
        self.counts = CommitCounts()
        self.connection = connection
        self._spool = spool
        self._seen = seen
        self._timeout = timeout_seconds
        self._tells_conversions = tells_conversions
        self._pending: list[str | bytes] = []
        self._waiting: list[Callable[[], object]] = []
        self._arrived = asyncio.Event()
        self._published = CommitCounts()
        self._lost_logged_at = 0.0

    def write(self, click: Click, then: Callable[[], object]) -> None:
        """Write a click down, and call `then` once it may be answered. `then` must not raise."""
        seen = fingerprint(click)
        mark = f"{click.asked.campaign.campaign_id}:{seen}" if seen else ""
        conversion = due_conversion(click) if self._tells_conversions else ""
        self._pending += (record(click), mark, "", conversion)
        self._waiting.append(then)
        self._arrived.set()

    async def written(self, click: Click) -> None:
        """Write a click down, and return once it may be answered."""
        waiting: Future[None] = asyncio.get_running_loop().create_future()
        self.write(click, partial(_release, waiting))
        await waiting

    async def run(self) -> None:
        """Commit batch after batch, and replay the spool, until cancelled."""
        try:
            await asyncio.gather(self._commit_batches(), self.connection.keep_open(), self._replay_spool())
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await self._publish_counts()
            self.connection.close("the worker stops")

    async def _commit_batches(self) -> None:
        while True:
            await self._arrived.wait()
            clicks = self._pending[: BATCH_CLICKS * ARGUMENTS_PER_CLICK]
            waiting = self._waiting[:BATCH_CLICKS]
            del self._pending[: len(clicks)], self._waiting[: len(waiting)]
            if not self._pending:
                self._arrived.clear()
            await self._commit(clicks)
            for then in waiting:
                then()

    async def _commit(self, clicks: list[str | bytes]) -> None:
        count = len(clicks) // ARGUMENTS_PER_CLICK
        self.counts.batches += 1
        try:
            async with asyncio.timeout(self._timeout):
                if self._seen is not None:
                    await self._seen.mark(clicks)
                await self.connection.append(clicks)
            self.counts.logged += count
        except Exception as problem:  # whatever it is, the clicks must not stay where they are
            self.connection.close(str(problem) or f"no answer within {self._timeout:g} s")
            await self._spool_clicks(clicks, count)

    async def _spool_clicks(self, clicks: list[str | bytes], count: int) -> None:
        """Put clicks on the disk; where even that fails they are lost, which is told once a second."""
        try:
            async with asyncio.timeout(SPOOL_SECONDS):
                await asyncio.to_thread(self._spool.write, spooled(clicks))
            self.counts.spooled += count
        except (OSError, TimeoutError) as problem:
            self.counts.lost += count
            if time.monotonic() - self._lost_logged_at >= LOST_LOG_SECONDS:
                self._lost_logged_at = time.monotonic()
                # Redis is away, and the spool cannot be written.
                words = str(problem) or f"no answer within {SPOOL_SECONDS:g} s"
                logger.critical("clicks are lost", lost=self.counts.lost, problem=words)

    async def _replay_spool(self) -> None:
        while True:
            await asyncio.sleep(REPLAY_SECONDS)
            if not self.connection.is_open:
                continue
            try:
                await self._replay()
                await self._publish_counts()
            except (RedisError, OSError, TimeoutError) as problem:
                logger.warning("the spool is not replayed yet", problem=str(problem) or "no answer")

    async def _replay(self) -> None:
        """Move every spooled click into the log, in the order in which they were spooled."""
        for part in parts(self._spool, await asyncio.to_thread(self._spool.claim)):
            async with asyncio.timeout(10 * self._timeout):
                if part.arguments:
                    await self.connection.append(part.arguments)
                for line in part.broken:
                    await self.connection.command("XADD", DEAD, "*", *line.fields())
            self.counts.replayed += part.clicks

    async def _publish_counts(self) -> None:
        """Add to the instance's totals what has come since the last time."""
        counts = self.counts
        for name, by in (
            ("spooled", counts.spooled - self._published.spooled),
            ("lost", counts.lost - self._published.lost),
        ):
            if by:
                published = getattr(self._published, name)
                # Whoever is cancelled meanwhile has sent it.
                setattr(self._published, name, published + by)
                try:
                    async with asyncio.timeout(self._timeout):
                        await self.connection.command("HINCRBY", TOTALS, name, by)
                except (RedisError, OSError, TimeoutError):
                    setattr(self._published, name, published)
                    raise


def _release(waiting: Future[None]) -> None:
    # Whoever waits may have been cancelled meanwhile; the click is written all the same.
    if not waiting.done():
        waiting.set_result(None)


def spooled(clicks: Sequence[str | bytes]) -> list[SpooledClick]:
    """The log's arguments of several clicks as lines of the spool."""
    return [
        SpooledClick(msgspec.Raw(click), mark, unique, conversion)
        for click, mark, unique, conversion in zip(*[iter(clicks)] * ARGUMENTS_PER_CLICK, strict=True)
    ]
