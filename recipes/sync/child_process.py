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
from typing import NamedTuple

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
# While somebody decides on a file; "Go on as usual" on the page of the preview is heard of as late.
HELD_PAUSE_SECONDS = 30.0

logger = structlog.stdlib.get_logger(__name__)


class SyncProblem(NamedTuple):
    """Why a sync made nothing live; `is_held` if a person is deciding on the file, which is no failure."""

    text: str
    is_held: bool = False


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
        self._is_held = False
        self._next_try = 0.0

    def ask(self, announced_size: int | None) -> bool:
        """Request a sync; `announced_size` is co-recipe's number. False: too soon after a failure."""
        again = announced_size is None or announced_size == self._failed_for
        if (self.state.failures or self._is_held) and again and time.monotonic() < self._next_try:
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
            # Taken before the sync: a number announced during it asks for one more.
            announced, self._announced = self._announced, None
            self.state.running_since_ms = _now_ms()
            try:
                problem = await self._sync(announced)
            finally:
                self.state.running_since_ms = None
            self._note(problem, announced)

    async def _sync(self, announced_size: int | None) -> SyncProblem | None:
        """Run one sync. Returns why nothing went live, None if what is live is the newest."""
        command = [sys.executable, "manage.py", "recipe_sync", self.kind.value, "--json"]
        if announced_size is not None:
            command += ["--announced-size", str(announced_size)]
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=settings.BASE_DIR, stdin=nothing, stdout=pipe
            )
        except OSError as error:
            return SyncProblem(f"cannot start recipe_sync: {error}")
        # From outside, because `preexec_fn` can deadlock in a process that has threads.
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            # A killed load leaves nothing live: its generation expires, and the next sync starts anew.
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if process.returncode in GOOD_EXIT_CODES:
            return None
        ended = SyncProblem(f"recipe_sync ended with exit code {process.returncode}")
        return _problem_in(output, self.kind) or ended

    def _note(self, problem: SyncProblem | None, announced_size: int | None) -> None:
        state = self.state
        was_held, self._is_held = self._is_held, problem is not None and problem.is_held
        state.last_ended_ms = _now_ms()
        state.last_error = None if problem is None or problem.is_held else problem.text
        if problem is not None and problem.is_held:
            state.failures, state.next_try_ms = 0, _now_ms() + round(HELD_PAUSE_SECONDS * 1000)
            self._failed_for, self._next_try = announced_size, time.monotonic() + HELD_PAUSE_SECONDS
            if not was_held:
                logger.info("a sync waits for a person", kind=self.kind.value, problem=problem.text)
            return
        if problem is None:
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
            problem=problem.text,
            failures=state.failures,
            next_try_s=round(pause),
        )


def _problem_in(output: bytes, kind: RecipeKind) -> SyncProblem | None:
    try:
        answer = msgspec.json.decode(output, type=dict[str, object])
        found = msgspec.convert(answer["kinds"], dict[str, dict[str, object]])[kind]
        return SyncProblem(str(found["error"]), found.get("outcome") == "on hold")
    except (msgspec.MsgspecError, KeyError):
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
