"""The group commit: clicks go into the log in batches, and each waits until Redis has acknowledged its batch.

While one batch is on its way, new clicks join the next, which leaves when the previous one has returned. So a
click waits for one or two round trips, and all clicks of a batch share them. If Redis is away or slow, the
batch goes to the spool, and from there into the log when Redis is back.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from redis.exceptions import RedisError

from lib.cancellation import is_cancelled
from offers.click_log.commit import CommitCounts, Committed, Fate
from offers.click_log.connection import LogConnection, NotTaken
from offers.click_log.conversions import due_conversion
from offers.click_log.record import Click, fingerprint, record
from offers.click_log.shared import SharedBatches
from offers.click_log.stream import DEAD, NOT_UNIQUE, TOTALS
from offers.live_caps.batch import BatchCounting
from offers.live_caps.counts import LiveCaps, Taken
from offers.spool.replay import parts
from offers.spool.spool import Spool
from offers.spool.types import PendingClick

BATCH_CLICKS = 1000
REPLAY_SECONDS = 0.5
# The pause between tries to read a broken spool grows to this, so that the log is not flooded.
LONGEST_REPLAY_PAUSE_SECONDS = 10.0
RESERVE_SECONDS = 30.0
# A disk that hangs must not hold clicks up.
SPOOL_SECONDS = 2.0
LOST_LOG_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class ClickWriter:
    """Writes clicks down; `run` has to be running, in the same event loop."""

    def __init__(
        self,
        connection: LogConnection,
        spool: Spool,
        shared: SharedBatches | None,
        timeout_seconds: float,
        *,
        live_caps: LiveCaps | None = None,
        queue_conversions: bool = True,
        answers_unwritten: bool = True,
    ) -> None:
        """`live_caps` counts the clicks of capped records; None where nothing does.

        Without `queue_conversions` no conversion messages are made: no queue takes them.

        With `answers_unwritten`, a click that neither Redis nor the disk takes is answered, and counted lost.
        """
        self.counts = CommitCounts()
        self.connection = connection
        self._spool = spool
        self.shared = shared
        self.live_caps = live_caps
        self._timeout = timeout_seconds
        self._queue_conversions = queue_conversions
        self._answers_unwritten = answers_unwritten
        self._spool_problem = ""
        self._replay_pause = REPLAY_SECONDS
        self._pending: list[PendingClick] = []
        self._waiting: list[Callable[[Fate], object]] = []
        # What each pending click has a part in; empty where nothing is counted.
        self._taken: list[Taken] = []
        self._arrived = asyncio.Event()
        self._published = CommitCounts()
        self._lost_logged_at = 0.0
        self._reserve_problem = ""
        self._missing = 0

    @property
    def problem(self) -> str:
        """Why no click can be written at present; "" if Redis or the spool takes them."""
        return "" if self.connection.takes_clicks else self._spool_problem

    @property
    def spool_problem(self) -> str:
        """Why the spool would not take clicks, or not when the disk is full; "" if it would."""
        return self._spool_problem or self._reserve_problem

    def write(self, click: Click, then: Callable[[Fate], object]) -> None:
        """Write a click down, then call `then` with what becomes of the click.

        `then` must not raise.
        """
        seen, automated = fingerprint(click), click.context.visitor.automated is not None
        if automated:
            # It takes nobody's unique visit, not even its own.
            pending = PendingClick(record(click), "", NOT_UNIQUE if seen else "")
        else:
            mark = f"{click.context.campaign.campaign_id}:{seen}" if seen else ""
            conversion = due_conversion(click) if self._queue_conversions else ""
            pending = PendingClick(record(click), mark, "", conversion)
        self._pending.append(pending)
        self._waiting.append(then)
        if self.live_caps is not None:
            decision = click.decision
            taken = () if automated else self.live_caps.take(decision.offer, decision.campaign)
            self._taken.append(taken)
        self._arrived.set()

    async def run(self) -> None:
        """Commit batch after batch, and replay the spool, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._commit_batches())
                group.create_task(self.connection.keep_open())
                group.create_task(self._replay_spool())
                group.create_task(self._look_after_spool())
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await self._publish_counts()
            self.connection.close("the worker stops")
            self._spool.close_reserve()

    async def _commit_batches(self) -> None:
        # The shared Redis is asked through redis-py.
        while not is_cancelled():
            await self._arrived.wait()
            # No batch waits to fill up: the next one collects clicks while this one is on its way, so
            # batches are small in quiet times and large under load. One at a time keeps the log in order
            # of arrival, and limits a failure to one batch.
            clicks = self._pending[:BATCH_CLICKS]
            waiting = self._waiting[:BATCH_CLICKS]
            taken = self._taken[:BATCH_CLICKS]
            del self._pending[: len(clicks)], self._waiting[: len(waiting)], self._taken[: len(taken)]
            if not self._pending:
                self._arrived.clear()
            committed = await self._commit(clicks, taken)
            fate = Fate.ANSWER if committed.may_answer else Fate.REFUSE
            if committed.again:
                self.counts.decided_again += len(committed.again)
                for place, then in enumerate(waiting):
                    then(Fate.DECIDE_AGAIN if place in committed.again else fate)
            else:
                for then in waiting:
                    then(fate)

    async def _commit(self, clicks: list[PendingClick], taken: list[Taken]) -> Committed:
        """Write a batch down, but for the clicks that a live count of theirs has no room for."""
        self.counts.batches += 1
        counting, size = BatchCounting(self.live_caps, taken), len(clicks)
        try:
            async with asyncio.timeout(self._timeout):
                if self.shared is not None:
                    clicks, totals = await self.shared.ask(clicks, counting.rows)
                    clicks = counting.shared(clicks, totals)
                    await self.connection.append(clicks)
                elif counting.rows:
                    counting.own(*await self.connection.append(clicks, counting.rows))
                else:
                    await self.connection.append(clicks)
            self.counts.logged += size - len(counting.again)
        except NotTaken:
            return Committed(await self._spool_clicks(clicks), counting.again)
        except Exception as error:
            # Any error: spool the batch, never drop it.
            self.connection.failed(error, str(error) or f"no answer within {self._timeout:g} s")
            return Committed(await self._spool_clicks(clicks), counting.again)
        finally:
            counting.end()
        return Committed(True, counting.again)

    async def _spool_clicks(self, clicks: list[PendingClick]) -> bool:
        """Put a batch on the disk; log failures once a second. Returns whether to answer its clicks."""
        if not clicks:
            return True
        try:
            async with asyncio.timeout(SPOOL_SECONDS):
                await asyncio.to_thread(self._spool.write, clicks)
        except (OSError, TimeoutError) as error:
            self._spool_problem = str(error) or f"the spool does not answer within {SPOOL_SECONDS:g} s"
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
            self._log_loss()
        return self._answers_unwritten

    def _log_loss(self) -> None:
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
        """Move all spooled clicks into the log, in the order in which they were spooled."""
        waiting = parts(self._spool)
        while (part := await asyncio.to_thread(next, waiting, None)) is not None:
            async with asyncio.timeout(10 * self._timeout):
                # Before each part: a long spool could fill the memory reserved for delivery within a second.
                await self.connection.weigh()
                if part.clicks:
                    await self.connection.append(part.clicks)
                for line in part.broken:
                    await self.connection.command("XADD", DEAD, "*", *line.fields())
            self.counts.replayed += len(part.clicks)

    async def _look_after_spool(self) -> None:
        """Keep the spool's reserve filled, and notice when a full disk takes clicks again."""
        refilled_at = 0.0
        while True:
            self._count_damage()
            if self.live_caps is not None and self.live_caps.owes:
                # A batch without clicks: none of those to come may have a part in what is owed.
                self._arrived.set()
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
            self._reserve_problem = ""
        except OSError as error:
            if not self._reserve_problem:
                logger.warning("the spool has no reserve", problem=str(error))
            self._reserve_problem = str(error)

    def _count_damage(self) -> None:
        """Count what others did to the spool's files, and what the shared Redis did not answer."""
        vanished, missing = self._spool.vanished, self._spool.missing
        self.counts.vanished = vanished
        self.counts.lost += missing - self._missing
        self._missing = missing
        if self.shared is not None:
            self.counts.assumed = self.shared.assumed

    async def _publish_counts(self) -> None:
        """Add the counts since the last call to the instance's totals."""
        counts = self.counts
        for name, by in (
            ("spooled", counts.spooled - self._published.spooled),
            ("lost", counts.lost - self._published.lost),
        ):
            if by:
                published = getattr(self._published, name)
                # Count before awaiting: a cancelled HINCRBY may still have reached Redis.
                setattr(self._published, name, published + by)
                try:
                    async with asyncio.timeout(self._timeout):
                        await self.connection.command("HINCRBY", TOTALS, name, by)
                except (RedisError, OSError, TimeoutError):
                    setattr(self._published, name, published)
                    raise
