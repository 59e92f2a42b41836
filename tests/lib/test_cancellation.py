"""A task that was cancelled knows it, whatever became of its cancellation."""

import asyncio
from contextlib import suppress

from lib.cancellation import is_cancelled


def test_a_task_that_runs_is_not_cancelled() -> None:
    async def scenario() -> bool:
        await asyncio.sleep(0)
        return is_cancelled()

    assert not asyncio.run(scenario())


def test_a_task_whose_cancellation_was_swallowed_is_cancelled() -> None:
    async def goes_on() -> bool:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return is_cancelled()

    async def scenario() -> bool:
        task = asyncio.create_task(goes_on())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert asyncio.run(scenario())


def test_a_time_out_of_its_own_is_no_cancellation() -> None:
    async def scenario() -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.sleep(60)
        return is_cancelled()

    assert not asyncio.run(scenario())
