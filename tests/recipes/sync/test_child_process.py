"""Syncs in processes of their own: one at a time, slower after failures, and ended with their owner."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper

from recipes.corecipe.listener import Listener
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.child_process import ChildSync
from tests.processes import DEADLINE_SECONDS, wait_until

# Writes down that it was called and how, then does as the file beside it says.
COMMAND = """
import json, os, pathlib, sys, time
with open("calls", "a") as calls:
    calls.write(json.dumps([os.getpid(), sys.argv[1:]]) + "\\n")
plan = json.loads(pathlib.Path("plan").read_text())
time.sleep(plan["seconds"])
print(json.dumps({"kinds": {"offers": {"outcome": plan["outcome"], "error": "no such bucket"}}}))
sys.exit(plan["exit_code"])
"""


class Commands:
    """What stands in for `recipe_sync`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "manage.py").write_text(COMMAND)
        self.plan()

    def plan(self, exit_code: int = 0, seconds: float = 0, outcome: str = "failed") -> None:
        plan = {"exit_code": exit_code, "seconds": seconds, "outcome": outcome}
        (self._directory / "plan").write_text(json.dumps(plan))

    def calls(self) -> list[tuple[int, list[str]]]:
        """Process id and arguments of each call."""
        path = self._directory / "calls"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def announced(self) -> list[str]:
        return [arguments[-1] for _, arguments in self.calls()]


@pytest.fixture
def commands(tmp_path: Path, settings: SettingsWrapper) -> Commands:
    settings.BASE_DIR = tmp_path
    return Commands(tmp_path)


def while_running(use: Callable[[ChildSync], Awaitable[None]]) -> ChildSync:
    """Run a sync of offers while `use` uses it; gives it as it is afterwards."""
    sync = ChildSync(RecipeKind.OFFERS)

    async def both() -> None:
        running = asyncio.create_task(sync.run())
        try:
            await use(sync)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(both())
    return sync


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def ask_and_wait(sync: ChildSync, announced_size: int | None) -> None:
    before = sync.state.last_ended_ms
    assert sync.ask(announced_size)
    await until(lambda: sync.state.last_ended_ms not in (None, before))


def test_what_is_asked_during_a_sync_runs_once_afterwards_with_the_last_number(commands: Commands) -> None:
    commands.plan(seconds=0.3)

    async def use(sync: ChildSync) -> None:
        sync.ask(1)
        await until(commands.calls)
        for number in (2, 3, 4):
            sync.ask(number)
        await until(lambda: len(commands.calls()) == 2)
        await until(lambda: sync.state.running_since_ms is None)
        await asyncio.sleep(0.5)

    while_running(use)
    assert commands.announced() == ["1", "4"]


def test_without_a_number_none_is_given_on(commands: Commands) -> None:
    async def use(sync: ChildSync) -> None:
        await ask_and_wait(sync, None)

    while_running(use)
    assert commands.calls()[0][1] == ["recipe_sync", "offers", "--json"]


def test_a_failure_is_told_and_pauses_all_but_another_number(commands: Commands) -> None:
    commands.plan(exit_code=5)

    async def use(sync: ChildSync) -> None:
        await ask_and_wait(sync, 1)
        assert (sync.state.failures, sync.state.last_error) == (1, "no such bucket")
        assert not sync.ask(1)
        assert not sync.ask(None)
        assert sync.ask(2)

    while_running(use)


def test_a_file_that_waits_for_a_person_is_no_failure_but_pauses_syncs(
    commands: Commands,
) -> None:
    commands.plan(exit_code=4, outcome="on hold")

    async def use(sync: ChildSync) -> None:
        await ask_and_wait(sync, 1)
        assert (sync.state.failures, sync.state.last_error) == (0, None)
        assert sync.state.next_try_ms
        assert not sync.ask(1)
        assert sync.ask(2)

    while_running(use)


def test_the_pause_grows_with_every_failure_and_ends_with_a_success(commands: Commands) -> None:
    commands.plan(exit_code=5)
    pauses = list[float]()

    async def use(sync: ChildSync) -> None:
        for number in (1, 2, 3):
            await ask_and_wait(sync, number)
            pauses.append((sync.state.next_try_ms or 0) - time.time() * 1000)
        commands.plan(exit_code=3)
        await ask_and_wait(sync, 4)

    sync = while_running(use)
    assert pauses == sorted(pauses)
    assert pauses[2] > 2 * pauses[0]
    assert (sync.state.failures, sync.state.last_error, sync.state.next_try_ms) == (0, None, None)


def test_a_process_that_cannot_be_started_is_a_failure_like_any_other(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")

    async def use(sync: ChildSync) -> None:
        await ask_and_wait(sync, 1)

    assert "cannot start recipe_sync" in (while_running(use).state.last_error or "")


def test_a_sync_gives_way_to_whatever_answers_clicks(commands: Commands) -> None:
    commands.plan(seconds=60)
    usual = os.getpriority(os.PRIO_PROCESS, 0)

    async def use(sync: ChildSync) -> None:
        sync.ask(1)
        await until(commands.calls)
        await until(lambda: os.getpriority(os.PRIO_PROCESS, commands.calls()[0][0]) > usual)

    while_running(use)


def test_a_sync_ends_with_its_owner(commands: Commands) -> None:
    commands.plan(seconds=60)

    async def use(sync: ChildSync) -> None:
        sync.ask(1)
        await until(commands.calls)

    while_running(use)
    pid = commands.calls()[0][0]
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the end of the process")


def test_with_many_updates_waiting_there_is_no_room_and_none_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("recipes.corecipe.listener.MAX_WAITING_UPDATES", 2)
    listener = Listener(RecipeStore.__new__(RecipeStore), [], check_seconds=20)
    rooms = []
    updates = [{"id": number} for number in range(3)]
    for update in updates:
        rooms.append(listener.has_room())
        listener.take_update(update)
    assert (rooms, listener._next_batch()) == ([True, True, False], updates)


def test_with_long_updates_waiting_there_is_no_room_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.corecipe.listener.MAX_WAITING_CHARACTERS", 100)
    listener = Listener(RecipeStore.__new__(RecipeStore), [], check_seconds=20)
    listener.take_update({"body": "x" * 100})
    assert not listener.has_room()
    assert (len(listener._next_batch()), listener.has_room()) == (1, True)
