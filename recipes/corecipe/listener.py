"""Asks co-recipe whether the recipe has changed, and applies the updates that it sends.

Only the master is asked, and the slave while the master is away. Updates are taken from both, because a
repeated update does no harm.
"""

import asyncio
import os
import time
from collections import Counter, deque
from contextlib import suppress

import structlog
from redis.exceptions import RedisError

from recipes.corecipe.connection import Connection
from recipes.corecipe.message_size import characters
from recipes.corecipe.updates import UpdateOutcome, UpdateResult, apply_all
from recipes.records.kinds import RecipeKind
from recipes.store.status import ListenerState
from recipes.store.store import RecipeStore
from recipes.sync.child_process import ChildSync

STATE_SECONDS = 2.0
REDIS_AWAY_SECONDS = 0.5
# Limits on waiting updates. Beyond either, nothing is read from co-recipe until Redis has taken some.
MAX_WAITING_UPDATES = 10_000
MAX_WAITING_CHARACTERS = 64 * 1024 * 1024
# Updates sent to Redis in one batch: few enough to let clicks in between, and to be answered in time.
BATCH_UPDATES = 250
BATCH_CHARACTERS = 4 * 1024 * 1024
# A sender's wrong clock is logged once for this many updates.
AHEAD_TOLD = 100

logger = structlog.stdlib.get_logger(__name__)


class Listener:
    """Keeps the recipe in sync with the co-recipes at `urls`, the master first."""

    def __init__(self, store: RecipeStore, urls: list[str], check_seconds: float) -> None:
        self._store = store
        self._check_seconds = check_seconds
        self._connections = [Connection(url, self) for url in urls]
        self._syncs = {kind: ChildSync(kind) for kind in RecipeKind}
        # Each with its size, as `characters` counts it.
        self._updates: deque[tuple[object, int]] = deque()
        self._waiting_characters = 0
        self._has_updates = asyncio.Event()
        self._outcomes: Counter[str] = Counter()
        self._malformed = self._ahead = 0
        self._started_ms = _now_ms()

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set."""
        work = [
            *(connection.run() for connection in self._connections),
            *(sync.run() for sync in self._syncs.values()),
            self._ask_again_and_again(),
            self._apply_updates(),
            self._publish_state(),
        ]
        tasks = [asyncio.create_task(job) for job in work]
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in [*tasks, stopping]:
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        for task in done - {stopping}:
            task.result()

    def count_malformed(self, event: str, problem: str) -> None:
        """Count an event that cannot be read, and log it in one line."""
        self._malformed += 1
        logger.warning(
            "co-recipe sent an unreadable event", name=event, problem=problem, so_far=self._malformed
        )

    def has_room(self) -> bool:
        """Return whether more updates may wait; if not, connections read nothing, and none is dropped."""
        return len(self._updates) < MAX_WAITING_UPDATES and self._waiting_characters < MAX_WAITING_CHARACTERS

    def take_update(self, message: object) -> None:
        """Queue an update; a message that is not an object is counted, and takes no place in the queue."""
        if not isinstance(message, dict):
            detail = f"not an object but {type(message).__name__}"
            self._note(UpdateResult(UpdateOutcome.MALFORMED, detail))
            return
        size = characters(message)
        self._updates.append((message, size))
        self._waiting_characters += size
        self._has_updates.set()

    async def on_connect(self, connection: Connection) -> None:
        """Ask at once, and check S3 too: equal numbers can hide a change."""
        if connection is self._active():
            await self._ask(connection)
        for sync in self._syncs.values():
            sync.ask(None)

    async def on_announcement(self, kind: RecipeKind, number: int) -> None:
        """Start a sync, unless that number is live already."""
        live = await self._live_number(kind)
        if live is not None and number != live:
            self._syncs[kind].ask(number)

    def _active(self) -> Connection | None:
        """Return the master, the slave while the master is away, or None while both are."""
        return next((connection for connection in self._connections if connection.connected), None)

    async def _ask_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._check_seconds)
            connection = self._active()
            if connection is not None:
                await self._ask(connection)

    async def _ask(self, connection: Connection) -> None:
        for kind in RecipeKind:
            number = await self._live_number(kind)
            if number is not None:
                await connection.ask(kind, number)

    async def _live_number(self, kind: RecipeKind) -> int | None:
        """Return the announced size of what is live, 0 if nothing is; None while Redis is away."""
        try:
            meta = await asyncio.to_thread(self._store.meta, kind)
        except (RedisError, OSError) as error:
            logger.warning("Redis is away, numbers are not compared", kind=kind.value, problem=str(error))
            return None
        return meta.announced_size if meta.generation else 0

    async def _apply_updates(self) -> None:
        while True:
            await self._has_updates.wait()
            batch = self._next_batch()
            if not batch:
                self._has_updates.clear()
                continue
            while (results := await asyncio.to_thread(self._apply, batch)) is None:
                await asyncio.sleep(REDIS_AWAY_SECONDS)
            for result in results:
                self._note(result)

    def _next_batch(self) -> list[object]:
        batch: list[object] = []
        taken = 0
        while self._updates and len(batch) < BATCH_UPDATES and taken < BATCH_CHARACTERS:
            message, size = self._updates.popleft()
            batch.append(message)
            taken += size
        self._waiting_characters -= taken
        return batch

    def _apply(self, batch: list[object]) -> list[UpdateResult] | None:
        """Apply updates in order. Returns None if Redis is away and all of them have to be applied again."""
        try:
            return apply_all(self._store, batch)
        except (RedisError, OSError) as error:
            logger.warning("Redis is away, updates wait", count=len(batch), problem=str(error))
            return None

    def _note(self, result: UpdateResult) -> None:
        """Count an update by its outcome, and log one that changed nothing."""
        outcome = result.outcome.value
        self._outcomes[outcome] += 1
        if result.version == 0:
            so_far = self._outcomes[outcome]
            logger.info("an update changed nothing", outcome=outcome, detail=result.detail, so_far=so_far)
        if result.ahead_ms:
            if self._ahead % AHEAD_TOLD == 0:
                logger.warning("co-recipe's clock is ahead", detail=result.detail, so_far=self._ahead)
            self._ahead += 1

    async def _publish_state(self) -> None:
        while True:
            with suppress(RedisError, OSError):
                await asyncio.to_thread(self._store.publish_listener_state, self.state())
            await asyncio.sleep(STATE_SECONDS)

    def state(self) -> ListenerState:
        """Return what is published for staff and metrics."""
        return ListenerState(
            pid=os.getpid(),
            started_ms=self._started_ms,
            hosts=[connection.state for connection in self._connections],
            updates=dict(self._outcomes),
            malformed=self._malformed,
            ahead=self._ahead,
            syncs={kind.value: sync.state for kind, sync in self._syncs.items()},
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
