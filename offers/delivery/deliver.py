"""Delivery: moves clicks from the log to DynamoDB. Several workers at once share the work.

A click is acknowledged only after DynamoDB has taken it: if a worker dies in between, the next one writes the
same item once more. One thread has several requests under way; a thread each would cost a quarter more.
"""

import os
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from offers.click_log.retention import Retention, limits
from offers.click_log.stream import ClickLog
from offers.click_log.types import Entry
from offers.delivery.backoff import DeliveryBackoff, growing_pause
from offers.delivery.dynamodb import (
    BATCH_ITEMS,
    ClickTable,
    ItemsRefused,
    TableAway,
    TableNotUsable,
)
from offers.delivery.item import BadClick, Item, item
from offers.delivery.persistent_connections import Exchange

# Requests under way at once.
PARALLEL_BATCHES = 8
# The clicks of a round are read from the log and acknowledged together: each time Redis syncs its file. What
# a worker that dies has not acknowledged yet is written once more by the next.
ROUND_CLICKS = 4 * PARALLEL_BATCHES * BATCH_ITEMS
# A consumer that has held an entry for longer than this is dead.
DEAD_CONSUMER_MS = 30_000
FIRST_THROTTLED_SECONDS = 0.05
LONGEST_THROTTLED_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class Delivered(NamedTuple):
    """Clicks that were delivered, that became dead letters, and that were left for later."""

    delivered: int = 0
    dead_letters: int = 0
    left: int = 0

    def plus(self, other: "Delivered") -> "Delivered":
        """Return the sum of both."""
        return Delivered(*(mine + its for mine, its in zip(self, other, strict=True)))


class _Click(NamedTuple):
    """One item, and every entry of the log that holds it."""

    item: Item
    entries: list[Entry]


class _Outcome(NamedTuple):
    """The outcome of a batch: the clicks that DynamoDB took, which are to be acknowledged, and the others."""

    taken: list[_Click]
    others: Delivered


def consumer_name() -> str:
    """Return this process's name as a consumer of the log."""
    return f"{socket.gethostname()}:{os.getpid()}"


def deliver(log: ClickLog, table: ClickTable, consumer: str, seconds: float) -> Delivered:
    """Deliver the clicks in the log. Runs at most `seconds` plus one request time-out.

    Raises nothing if DynamoDB or Redis is away: undelivered clicks stay for the next run.
    """
    run = _Run(log, table, consumer, time.monotonic() + seconds)
    try:
        log.delivery.create()
        retention = Retention(log, limits())
        while run.deliver_round():
            retention.tidy()
        retention.tidy()
        log.forget_consumers()
    except RedisError as error:
        run.problem = error
    run.record_outcome()
    run.log_problems()
    return run.sum


class _Run:
    """One run of one worker."""

    def __init__(self, log: ClickLog, table: ClickTable, consumer: str, deadline: float) -> None:
        self.sum = Delivered()
        self.problem: Exception | None = None
        self._log = log
        self._table = table
        self._consumer = consumer
        self._deadline = deadline
        self._is_failed = False
        self._throttled = 0
        self._claims = True
        self._last_error = ""

    def deliver_round(self) -> bool:
        """Deliver the next clicks. Returns whether to go on. Raises `RedisError`."""
        if time.monotonic() >= self._deadline:
            return False
        pause = DeliveryBackoff(self._log.redis)
        is_try = pause.is_troubled()
        if is_try and not pause.take_turn(self._consumer):
            return False
        entries = self._next_entries(BATCH_ITEMS if is_try else ROUND_CLICKS)
        if not entries:
            if is_try:
                pause.release_turn()
            return False
        before, self.problem = self.problem, None
        self._is_failed = False
        done = self._deliver_entries(entries)
        self.sum = Delivered(*done.plus(self.sum)[:2], done.left)
        if isinstance(self.problem, RedisError):
            raise self.problem
        taken = done.delivered + done.dead_letters
        if self.problem is None and done.left and not taken:
            if time.monotonic() >= self._deadline:
                # Nothing was tried, or nothing in time: what is known of DynamoDB stays as it was.
                self.problem = before
                if is_try:
                    pause.release_turn()
                return False
            self.problem = TableAway("DynamoDB leaves everything for later: it is being throttled")
        if self.problem is not None:
            return self._wait(pause.failed(self._consumer)) and not isinstance(self.problem, TableNotUsable)
        if is_try:
            pause.succeeded()
        elif len(entries) < ROUND_CLICKS and not done.left:
            # There were no more. What comes meanwhile waits for the next run, which finds it together: a
            # round costs as many syncs of Redis' file, however few clicks it has.
            return False
        return self._wait(self._throttled_pause(taken, done.left))

    def record_outcome(self) -> None:
        """Record the result of this run for staff, if DynamoDB was asked anything."""
        was_asked = self.sum.delivered or self.sum.dead_letters or self.problem is not None
        if was_asked and not isinstance(self.problem, RedisError):
            with suppress(RedisError):
                self._log.note_table(None if self.problem is None else str(self.problem))

    def log_problems(self) -> None:
        """Log what went wrong, in one line each."""
        if self.sum.dead_letters:
            logger.error(
                "clicks will never be delivered as they are",
                count=self.sum.dead_letters,
                problem=f"{self._last_error}; see manage.py clicks_status",
            )
        if isinstance(self.problem, RedisError):
            logger.warning("delivery stops, Redis is away", problem=f"{self.problem}; check REDIS_URL")
        elif self.problem is not None:
            logger.warning("clicks stay in the log", problem=str(self.problem))

    def _next_entries(self, count: int) -> list[Entry]:
        """Return entries that this worker left undone, then those of dead workers, then new ones."""
        entries = self._log.delivery.read_own(self._consumer, count)
        if self._claims and len(entries) < count:
            held = {entry.id for entry in entries}
            claimed = self._log.delivery.claim(self._consumer, DEAD_CONSUMER_MS, count - len(entries))
            entries += [entry for entry in claimed if entry.id not in held]
            self._claims = bool(claimed)
        if len(entries) < count:
            entries += self._log.delivery.read_new(self._consumer, count - len(entries))
        return entries

    def _deliver_entries(self, entries: Sequence[Entry]) -> Delivered:
        done = Delivered()
        clicks: dict[str, _Click] = {}
        for entry in entries:
            try:
                found = item(entry)
            except BadClick as error:
                done = done.plus(self._dead_letter([entry], str(error)))
                continue
            # A lid comes twice after an answer of Redis was lost; DynamoDB refuses a batch with both.
            clicks.setdefault(found.lid, _Click(found, [])).entries.append(entry)
        taken: list[_Click] = []
        for outcome in self._deliver_batches(_batches(list(clicks.values()))):
            taken += outcome.taken
            done = done.plus(outcome.others)
        return done.plus(self._acknowledge(taken))

    def _acknowledge(self, taken: Sequence[_Click]) -> Delivered:
        """Acknowledge clicks that DynamoDB took; a click is written again if Redis is away."""
        if not taken:
            return Delivered()
        try:
            self._log.acknowledge([entry.id for click in taken for entry in click.entries])
        except RedisError as error:
            self._fail(error)
            return Delivered(left=len(taken))
        return Delivered(delivered=len(taken))

    def _deliver_batches(self, batches: Iterator[Sequence[_Click]]) -> Iterator[_Outcome]:
        """Deliver batches, some at once; a failure is in `problem` afterwards."""
        under_way: deque[tuple[Sequence[_Click], Exchange]] = deque()
        for batch in batches:
            if len(under_way) == PARALLEL_BATCHES:
                yield self._end(*under_way.popleft())
            exchange = self._begin(batch)
            if exchange is None:
                yield _Outcome([], Delivered(left=len(batch)))
            else:
                under_way.append((batch, exchange))
        for batch, exchange in under_way:
            yield self._end(batch, exchange)

    def _begin(self, batch: Sequence[_Click]) -> Exchange | None:
        """Begin to deliver a batch; returns None if it is left for later."""
        if self._is_failed or time.monotonic() >= self._deadline:
            return None
        try:
            return self._table.begin([click.item for click in batch])
        except (TableAway, TableNotUsable) as error:
            self._fail(error)
            return None

    def _end(self, batch: Sequence[_Click], exchange: Exchange) -> _Outcome:
        try:
            left = self._table.end(exchange, [click.item for click in batch])
        except ItemsRefused as error:
            return self._deliver_singly(batch, str(error))
        except (TableAway, TableNotUsable) as error:
            self._fail(error)
            return _Outcome([], Delivered(left=len(batch)))
        taken = [click for click in batch if click.item.lid not in left]
        return _Outcome(taken, Delivered(left=len(left)))

    def _deliver_singly(self, batch: Sequence[_Click], error: str) -> _Outcome:
        """Deliver a batch with a bad click one by one: the good clicks pass, the bad one is a dead letter."""
        if len(batch) == 1:
            return _Outcome([], self._dead_letter(batch[0].entries, error))
        outcomes = list(self._deliver_batches([click] for click in batch))
        others = Delivered()
        for outcome in outcomes:
            others = others.plus(outcome.others)
        return _Outcome([click for outcome in outcomes for click in outcome.taken], others)

    def _dead_letter(self, entries: Sequence[Entry], error: str) -> Delivered:
        if self._is_failed:
            return Delivered(left=1)
        try:
            for entry in entries:
                self._log.dead_letter(entry, error)
        except RedisError as problem:
            self._fail(problem)
            return Delivered(left=1)
        self._last_error = error
        return Delivered(dead_letters=1)

    def _fail(self, problem: Exception) -> None:
        """Let this round end, and say why."""
        self.problem = problem
        self._is_failed = True

    def _throttled_pause(self, taken: int, left: int) -> float:
        """Return the seconds to wait because DynamoDB left clicks; they grow while it leaves most of them."""
        if not left:
            self._throttled = 0
            return 0
        self._throttled = self._throttled + 1 if left > taken else max(1, self._throttled - 1)
        return growing_pause(self._throttled - 1, FIRST_THROTTLED_SECONDS, LONGEST_THROTTLED_SECONDS)

    def _wait(self, seconds: float) -> bool:
        """Wait, unless the run would end before that. Returns whether there is time left."""
        if time.monotonic() + seconds >= self._deadline:
            return False
        time.sleep(seconds)
        return True


def _batches(clicks: Sequence[_Click]) -> Iterator[Sequence[_Click]]:
    for at in range(0, len(clicks), BATCH_ITEMS):
        yield clicks[at : at + BATCH_ITEMS]
