"""Delivery: clicks from the log to DynamoDB. However many workers do it at once, they share the work.

A click is acknowledged after DynamoDB took it, and not before: a worker that dies in between leaves it to the
next, which writes the same item once more.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    BadClick,
    ClickTable,
    Item,
    ItemsRefused,
    TableAway,
    TableNotUsable,
    item,
)

# Requests under way at once; a round of them is read from the log together.
PARALLEL_BATCHES = 8
ROUND_CLICKS = 4 * PARALLEL_BATCHES * BATCH_ITEMS
# A consumer that has held an entry for longer than this without a command is dead.
DEAD_CONSUMER_MS = 30_000
FIRST_THROTTLED_SECONDS = 0.05
LONGEST_THROTTLED_SECONDS = 1.0

logger = structlog.stdlib.get_logger(__name__)


class Delivered(NamedTuple):
    """What became of clicks: `delivered`, `dead_letters` as dead letters, `left` for later."""

    delivered: int = 0
    dead_letters: int = 0
    left: int = 0

    def plus(self, other: "Delivered") -> "Delivered":
        """Both together."""
        return Delivered(*(mine + its for mine, its in zip(self, other, strict=True)))


class _Click(NamedTuple):
    """One item, and every entry of the log that holds it."""

    item: Item
    entries: list[Entry]


def consumer_name() -> str:
    """This process's name as a consumer of the log."""
    return f"{socket.gethostname()}:{os.getpid()}"


def deliver(log: ClickLog, table: ClickTable, consumer: str, seconds: float) -> Delivered:
    """Deliver what is in the log. Runs at most `seconds` plus one request time-out.

    A DynamoDB or Redis that is away raises nothing: what is not delivered stays for the next run.
    """
    run = _Run(log, table, consumer, time.monotonic() + seconds)
    try:
        log.create_group()
        retention = Retention(log, limits())
        with ThreadPoolExecutor(PARALLEL_BATCHES, "delivery") as pool:
            while run.deliver_round(pool):
                retention.tidy()
        retention.tidy()
        log.forget_consumers()
    except RedisError as error:
        run.problem = error
    run.note()
    run.tell()
    return run.sum


class _Run:
    """One run of one worker. Threads of its own deliver batches; all else happens in one thread."""

    def __init__(self, log: ClickLog, table: ClickTable, consumer: str, deadline: float) -> None:
        self.sum = Delivered()
        self.problem: Exception | None = None
        self._log = log
        self._table = table
        self._consumer = consumer
        self._deadline = deadline
        self._failed = threading.Event()
        self._throttled = 0
        self._claims = True
        self._last_error = ""

    def deliver_round(self, pool: ThreadPoolExecutor) -> bool:
        """Deliver the next clicks; returns whether to go on. Raises `RedisError`."""
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
        self.problem = None
        self._failed.clear()
        done = self._deliver_entries(entries, pool)
        self.sum = Delivered(*done.plus(self.sum)[:2], done.left)
        if isinstance(self.problem, RedisError):
            raise self.problem
        taken = done.delivered + done.dead_letters
        if self.problem is None and done.left and not taken and time.monotonic() < self._deadline:
            self.problem = TableAway("DynamoDB leaves everything for later: it is being throttled")
        if self.problem is not None:
            return self._wait(pause.failed(self._consumer)) and not isinstance(self.problem, TableNotUsable)
        if is_try:
            pause.succeeded()
        return self._wait(self._throttled_pause(taken, done.left))

    def note(self) -> None:
        """Let staff see how DynamoDB was, if it was asked anything."""
        context = self.sum.delivered or self.sum.dead_letters or self.problem is not None
        if context and not isinstance(self.problem, RedisError):
            with suppress(RedisError):
                self._log.note_table(None if self.problem is None else str(self.problem))

    def tell(self) -> None:
        """Log what staff should know, each thing in one line."""
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
        """What this worker has left undone, then what dead ones have, then what is new."""
        entries = self._log.read_own(self._consumer, count)
        if self._claims and len(entries) < count:
            held = {entry.id for entry in entries}
            claimed = self._log.claim(self._consumer, DEAD_CONSUMER_MS, count - len(entries))
            entries += [entry for entry in claimed if entry.id not in held]
            self._claims = bool(claimed)
        if len(entries) < count:
            entries += self._log.read_new(self._consumer, count - len(entries))
        return entries

    def _deliver_entries(self, entries: Sequence[Entry], pool: ThreadPoolExecutor) -> Delivered:
        done = Delivered()
        clicks: dict[str, _Click] = {}
        for entry in entries:
            try:
                found = item(entry)
            except BadClick as error:
                done = done.plus(self._set_aside([entry], str(error)))
                continue
            # DynamoDB refuses a batch in which a lid comes twice, as it does after an answer was lost.
            clicks.setdefault(found["lid"]["S"], _Click(found, [])).entries.append(entry)
        for one in pool.map(self._deliver_batch, _batches(list(clicks.values()))):
            done = done.plus(one)
        return done

    def _deliver_batch(self, batch: Sequence[_Click]) -> Delivered:
        """Deliver a batch, in a thread of the pool; what goes wrong is in `problem` afterwards."""
        if self._failed.is_set() or time.monotonic() >= self._deadline:
            return Delivered(left=len(batch))
        try:
            left = self._table.write([click.item for click in batch])
            taken = [click for click in batch if click.item["lid"]["S"] not in left]
            if taken:
                self._log.acknowledge([entry.id for click in taken for entry in click.entries])
            return Delivered(delivered=len(taken), left=len(left))
        except ItemsRefused as error:
            return self._deliver_singly(batch, str(error))
        except (TableAway, TableNotUsable, RedisError) as error:
            self.problem = error
            self._failed.set()
            return Delivered(left=len(batch))

    def _deliver_singly(self, batch: Sequence[_Click], error: str) -> Delivered:
        """Deliver a batch in which a click is bad: alone, the others go through, and it can be set aside."""
        if len(batch) == 1:
            return self._set_aside(batch[0].entries, error)
        done = Delivered()
        for click in batch:
            done = done.plus(self._deliver_batch([click]))
        return done

    def _set_aside(self, entries: Sequence[Entry], error: str) -> Delivered:
        for entry in entries:
            self._log.dead_letter(entry, error)
        self._last_error = error
        return Delivered(dead_letters=1)

    def _throttled_pause(self, taken: int, left: int) -> float:
        """Seconds to wait because DynamoDB left clicks for later: growing while it leaves most of them."""
        if not left:
            self._throttled = 0
            return 0
        self._throttled = self._throttled + 1 if left > taken else max(1, self._throttled - 1)
        return growing_pause(self._throttled - 1, FIRST_THROTTLED_SECONDS, LONGEST_THROTTLED_SECONDS)

    def _wait(self, seconds: float) -> bool:
        """Wait, unless the time is up before that; returns whether there is time left."""
        if time.monotonic() + seconds >= self._deadline:
            return False
        time.sleep(seconds)
        return True


def _batches(clicks: Sequence[_Click]) -> Iterator[Sequence[_Click]]:
    for at in range(0, len(clicks), BATCH_ITEMS):
        yield clicks[at : at + BATCH_ITEMS]
