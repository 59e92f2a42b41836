"""The beat on which refusals leave."""

import asyncio
import time

import pytest

from offers import refusal_timing
from offers.refusal_timing import RefusalTiming
from tests.processes import DEADLINE_SECONDS

BEAT = 0.05


@pytest.fixture(autouse=True)
def _slow_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_timing, "BEAT_SECONDS", BEAT)


def arrival() -> float:
    """A moment within the current beat."""
    return time.perf_counter()


def test_nobody_leaves_before_the_second_beat_after_their_arrival() -> None:
    async def waits() -> None:
        beat, arrived = RefusalTiming(), arrival()
        await beat.wait(arrived)
        assert int(time.perf_counter() / BEAT) >= int(arrived / BEAT) + 2

    asyncio.run(waits())


def test_who_arrived_in_one_beat_leaves_together_however_late_they_were_ready() -> None:
    async def leave() -> list[str]:
        beat, left = RefusalTiming(), list[str]()
        arrived = (int(time.perf_counter() / BEAT) + 1) * BEAT + BEAT / 2
        beat.call(arrived, lambda: left.append("early"))
        await asyncio.sleep(BEAT)
        beat.call(arrived, lambda: left.append("late"))
        assert left == []
        beat.call(arrived, lambda: left.append("seen"))
        while not left:
            await asyncio.sleep(0.001)
        return left

    assert asyncio.run(leave()) == ["early", "late", "seen"]


def test_who_is_ready_only_after_the_beat_leaves_at_once() -> None:
    async def leave() -> list[int]:
        left: list[int] = []
        RefusalTiming().call(arrival() - 10 * BEAT, lambda: left.append(1))
        return left

    assert asyncio.run(leave()) == [1]


def test_one_that_is_cancelled_does_not_keep_the_others() -> None:
    async def wait() -> None:
        beat, arrived = RefusalTiming(), arrival()
        gone = asyncio.create_task(beat.wait(arrived))
        other = asyncio.create_task(beat.wait(arrived))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait_for(other, DEADLINE_SECONDS)

    asyncio.run(wait())
