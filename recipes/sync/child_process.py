"""Runs the listener's syncs of one kind, each in a process of its own.

So a load costs the process that applies updates neither time nor memory, a load that crashes takes nothing
else down, and it can run at a lower priority than the processes that answer clicks.
"""

import asyncio
import os
import random
import sys
import time
from contextlib import suppress

import msgspec
import structlog
from django.conf import settings

from recipes.records.kinds import RecipeKind
from recipes.store.status import SyncState

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
# Niceness of a load: it gets the processor time that clicks leave, and a tenth of a core if they leave none.
NICENESS = 10
# Exit codes of recipe_sync for "done" and "nothing to do".
GOOD_EXIT_CODES = (0, 3)

logger = structlog.stdlib.get_logger(__name__)


class ChildSync:
    """Runs requested syncs one at a time; requests that come during a sync lead to one more afterwards.

    After a failure, requests are refused for a pause that grows with every failure, unless another number
    was announced.
    """

    def __init__(self, kind: RecipeKind) -> None:
        self.kind = kind
        self.state = SyncState()
        self._asked = asyncio.Event()
        self._announced: int | None = None
        self._failed_for: int | None = None
        self._next_try = 0.0

    def ask(self, announced_size: int | None) -> bool:
        """Request a sync; `announced_size` is co-recipe's number. False: too soon after a failure."""
        again = announced_size is None or announced_size == self._failed_for
        if self.state.failures and again and time.monotonic() < self._next_try:
            return False
        if announced_size is not None:
            self._announced = announced_size
        self._asked.set()
        return True

    async def run(self) -> None:
        """Run requested syncs until cancelled; a sync that is running then is stopped."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            announced, self._announced = self._announced, None
            self.state.running_since_ms = _now_ms()
            try:
                error = await self._sync(announced)
            finally:
                self.state.running_since_ms = None
            self._note(error, announced)

    async def _sync(self, announced_size: int | None) -> str | None:
        """Run one sync. Returns what went wrong, None if nothing did."""
        command = [sys.executable, "manage.py", "recipe_sync", self.kind.value, "--json"]
        if announced_size is not None:
            command += ["--announced-size", str(announced_size)]
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=settings.BASE_DIR, stdin=nothing, stdout=pipe
            )
        except OSError as error:
            return f"cannot start recipe_sync: {error}"
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode in GOOD_EXIT_CODES:
            return None
        return _error_in(output, self.kind) or f"recipe_sync ended with exit code {process.returncode}"

    def _note(self, error: str | None, announced_size: int | None) -> None:
        state = self.state
        state.last_ended_ms, state.last_error = _now_ms(), error
        if error is None:
            state.failures, state.next_try_ms = 0, None
            logger.info("the recipe is in sync", kind=self.kind.value, announced=announced_size)
            return
        state.failures += 1
        jitter = random.uniform(0.8, 1.2)  # noqa: S311 - jitter is no secret
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(state.failures, 10)) * jitter
        self._failed_for, self._next_try = announced_size, time.monotonic() + pause
        state.next_try_ms = _now_ms() + round(pause * 1000)
        logger.warning(
            "a sync has failed",
            kind=self.kind.value,
            problem=error,
            failures=state.failures,
            next_try_s=round(pause),
        )


def _error_in(output: bytes, kind: RecipeKind) -> str | None:
    try:
        answer = msgspec.json.decode(output, type=dict[str, object])
        return str(msgspec.convert(answer["kinds"], dict[str, dict[str, object]])[kind]["error"])
    except (msgspec.MsgspecError, KeyError):
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
