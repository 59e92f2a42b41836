"""The group commit: clicks go into the log together, and each waits until Redis has acknowledged its batch.

While one batch is on its way the clicks that arrive join the next, which leaves as soon as the previous one
has returned: a click waits for one round trip, or two, and however many clicks there are share it. Where
Redis is away or slow, the batch goes to the spool instead, and from there into the log when Redis is back.
"""

import asyncio
import time
from asyncio import Future
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec
import structlog
from redis.exceptions import RedisError

from offers.click_log.connection import LogConnection, NotTaken
from offers.click_log.conversions import due_conversion
from offers.click_log.record import Click, fingerprint, record
from offers.click_log.stream import DEAD, TOTALS
from offers.click_log.uniqueness import SharedUniqueness
from offers.spool.replay import parts
from offers.spool.spool import Spool
from offers.spool.types import PendingClick

BATCH_CLICKS = 1000
REPLAY_SECONDS = 0.5
# The pause after a spool that cannot be read grows to this, so that the log is not flooded.
LONGEST_REPLAY_PAUSE_SECONDS = 10.0
RESERVE_SECONDS = 30.0
# A disk that hangs must not hold up the visitors.
SPOOL_SECONDS = 2.0
LOST_LOG_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class CommitCounts(msgspec.Struct):
    """What this worker's commits came to since it started, in clicks.

    `batches` counts batches, `vanished` files of the spool that somebody else has deleted. `lost` clicks were
    answered and not written, `unanswered` ones were neither.
    """

    batches: int = 0
    logged: int = 0
    spooled: int = 0
    replayed: int = 0
    lost: int = 0
    unanswered: int = 0
    vanished: int = 0


class ClickWriter:
    """Writes clicks down; `run` has to be running, in the same event loop."""

    def __init__(
        self,
        connection: LogConnection,
        spool: Spool,
        seen: SharedUniqueness | None,
        timeout_seconds: float,
        *,
        queue_conversions: bool = True,
        answers_unwritten: bool = True,
    ) -> None:
        """`queue_conversions`: somebody sends conversion messages; else they would pile up in the log.

        `answers_unwritten`: a click that neither Redis nor the disk takes is answered, and counted as lost.
        """
        self.counts = CommitCounts()
        self.connection = connection
        self._spool = spool
        self._seen = seen
        self._timeout = timeout_seconds
        self._queue_conversions = queue_conversions
        self._answers_unwritten = answers_unwritten
        self._spool_problem = ""
        self._replay_pause = REPLAY_SECONDS
        self._pending: list[PendingClick] = []
        self._waiting: list[Callable[[bool], object]] = []
        self._arrived = asyncio.Event()
        self._published = CommitCounts()
        self._lost_logged_at = 0.0
        self._reserve_told = False
        self._missing = 0

    @property
    def problem(self) -> str:
        """Why no click can be written at present; "" where Redis or the spool takes them."""
        return "" if self.connection.takes_clicks else self._spool_problem

    def write(self, click: Click, then: Callable[[bool], object]) -> None:
        """Write a click down, and call `then` once it is known whether it may be answered.

        `then` must not raise.
        """
        seen = fingerprint(click)
        mark = f"{click.context.campaign.campaign_id}:{seen}" if seen else ""
        conversion = due_conversion(click) if self._queue_conversions else ""
        self._pending.append(PendingClick(record(click), mark, "", conversion))
        self._waiting.append(then)
        self._arrived.set()

    async def written(self, click: Click) -> bool:
        """Write a click down; returns whether it may be answered."""
        waiting: Future[bool] = asyncio.get_running_loop().create_future()
        self.write(click, partial(_release, waiting))
        return await waiting

    async def run(self) -> None:
        """Commit batch after batch, and replay the spool, until cancelled."""
        try:
            await asyncio.gather(
                self._commit_batches(),
                self.connection.keep_open(),
                self._replay_spool(),
                self._look_after_spool(),
            )
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await self._publish_counts()
            self.connection.close("the worker stops")
            self._spool.close_reserve()

    async def _commit_batches(self) -> None:
        while True:
            await self._arrived.wait()
            # Nothing waits for a batch to fill up: while this one is on its way the next one collects, so
            # batches are small where it is quiet and large under load. One at a time keeps the log in order
            # of arrival, and a failure stops at one batch.
            clicks = self._pending[:BATCH_CLICKS]
            waiting = self._waiting[:BATCH_CLICKS]
            del self._pending[: len(clicks)], self._waiting[: len(waiting)]
            if not self._pending:
                self._arrived.clear()
            may_answer = await self._commit(clicks)
            for then in waiting:
                then(may_answer)

    async def _commit(self, clicks: list[PendingClick]) -> bool:
        """Write clicks down; returns whether they may be answered."""
        self.counts.batches += 1
        try:
            async with asyncio.timeout(self._timeout):
                if self._seen is not None:
                    clicks = await self._seen.mark(clicks)
                await self.connection.append(clicks)
            self.counts.logged += len(clicks)
        except NotTaken:
            return await self._spool_clicks(clicks)
        except Exception as error:  # any error: spool the batch, never drop it
            self.connection.failed(error, str(error) or f"no answer within {self._timeout:g} s")
            return await self._spool_clicks(clicks)
        return True

    async def _spool_clicks(self, clicks: list[PendingClick]) -> bool:
        """Put clicks on the disk; returns whether they may be answered. Failures are told once a second."""
        try:
            async with asyncio.timeout(SPOOL_SECONDS):
                await asyncio.to_thread(self._spool.write, clicks)
        except (OSError, TimeoutError) as error:
            self._spool_problem = str(error) or f"the spool gives no answer within {SPOOL_SECONDS:g} s"
        else:
            self._spool_problem = ""
            self.counts.spooled += len(clicks)
            return True
        if self._answers_unwritten:
            self.counts.lost += len(clicks)
        else:
            self.counts.unanswered += len(clicks)
        if time.monotonic() - self._lost_logged_at >= LOST_LOG_SECONDS:
            self._lost_logged_at = time.monotonic()
            self._tell_of_loss()
        return self._answers_unwritten

    def _tell_of_loss(self) -> None:
        """Redis is away, and the spool cannot be written."""
        counts, problem = self.counts, self._spool_problem
        if self._answers_unwritten:
            logger.critical("clicks are lost", lost=counts.lost, problem=problem)
        else:
            logger.critical("clicks are refused", refused=counts.unanswered, problem=problem)

    async def _replay_spool(self) -> None:
        while True:
            await asyncio.sleep(self._replay_pause)
            if not self.connection.takes_clicks:
                continue
            try:
                await self._replay()
                await self._publish_counts()
                self._replay_pause = REPLAY_SECONDS
            except NotTaken:
                continue
            except (RedisError, TimeoutError) as error:
                self.connection.failed(error, str(error) or "no answer")
            except OSError as error:
                self._replay_pause = min(2 * self._replay_pause, LONGEST_REPLAY_PAUSE_SECONDS)
                logger.warning("the spool is not replayed yet", problem=str(error))

    async def _replay(self) -> None:
        """Move every spooled click into the log, in the order in which they were spooled."""
        waiting = parts(self._spool)
        while (part := await asyncio.to_thread(next, waiting, None)) is not None:
            async with asyncio.timeout(10 * self._timeout):
                # Before each part: a long spool could use up in a second the memory kept for delivery.
                await self.connection.weigh()
                if part.clicks:
                    await self.connection.append(part.clicks)
                for line in part.broken:
                    await self.connection.command("XADD", DEAD, "*", *line.fields())
            self.counts.replayed += len(part.clicks)

    async def _look_after_spool(self) -> None:
        """Keep the spool's reserve, and notice when a disk that was full takes clicks again."""
        refilled_at = 0.0
        while True:
            self._count_damage()
            with suppress(OSError):
                if self._spool_problem:
                    await asyncio.to_thread(self._spool.probe)
                    self._spool_problem = ""
                elif self.connection.takes_clicks and time.monotonic() - refilled_at >= RESERVE_SECONDS:
                    refilled_at = time.monotonic()
                    await self._refill_reserve()
            await asyncio.sleep(REPLAY_SECONDS)

    async def _refill_reserve(self) -> None:
        try:
            await asyncio.to_thread(self._spool.refill_reserve)
            self._reserve_told = False
        except OSError as error:
            if not self._reserve_told:
                self._reserve_told = True
                logger.warning("the spool has no reserve", problem=str(error))

    def _count_damage(self) -> None:
        """Count what others did to the spool's files."""
        vanished, missing = self._spool.vanished, self._spool.missing
        self.counts.vanished = vanished
        self.counts.lost += missing - self._missing
        self._missing = missing

    async def _publish_counts(self) -> None:
        """Add to the instance's totals what has come since the last time."""
        counts = self.counts
        for name, by in (
            ("spooled", counts.spooled - self._published.spooled),
            ("lost", counts.lost - self._published.lost),
        ):
            if by:
                published = getattr(self._published, name)
                # Counted before awaiting: a cancelled HINCRBY may still have reached Redis.
                setattr(self._published, name, published + by)
                try:
                    async with asyncio.timeout(self._timeout):
                        await self.connection.command("HINCRBY", TOTALS, name, by)
                except (RedisError, OSError, TimeoutError):
                    setattr(self._published, name, published)
                    raise


def _release(waiting: Future[bool], may_answer: bool) -> None:
    # The waiting task may have been cancelled meanwhile; the click is written all the same.
    if not waiting.done():
        waiting.set_result(may_answer)
