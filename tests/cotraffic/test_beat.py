"""Background tasks are sent every so many seconds, whatever the wall clock does."""

import time
from typing import Any

import pytest
from celery import Celery
from celery.beat import ScheduleEntry, SchedulingError

from cotraffic.beat import IntervalScheduler


class Beat(IntervalScheduler):
    """Notes what it would send."""

    def __init__(self, app: Celery) -> None:
        self.sent: list[str] = []
        self.is_away = False
        super().__init__(app)

    def apply_async(self, entry: ScheduleEntry, *_: Any, **__: Any) -> None:
        if self.is_away:
            raise SchedulingError("the broker is away")
        self.sent.append(str(entry.task))


@pytest.fixture
def beat() -> Beat:
    app = Celery("tests", broker="memory://")
    app.conf.beat_schedule = {
        "fast": {"task": "fast", "schedule": 1.0},
        "slow": {"task": "slow", "schedule": 60.0},
    }
    return Beat(app)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A monotonic clock that stands still, and is moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_everything_is_due_at_the_start(beat: Beat, clock: list[float]) -> None:
    assert beat.tick() == pytest.approx(1.0)
    assert sorted(beat.sent) == ["fast", "slow"]


def test_a_task_is_sent_again_when_its_interval_has_passed(beat: Beat, clock: list[float]) -> None:
    beat.tick()
    for _ in range(120):
        clock[0] += 0.5
        beat.tick()
    assert (beat.sent.count("fast"), beat.sent.count("slow")) == (61, 2)


def test_nothing_is_made_up_for_after_a_pause(beat: Beat, clock: list[float]) -> None:
    beat.tick()
    clock[0] += 3600
    beat.tick()
    assert beat.tick() <= 1.0
    assert beat.sent.count("fast") <= 3


@pytest.mark.parametrize("step_seconds", [-90_000, -3600, 3600, 90_000])
def test_a_wall_clock_that_steps_changes_nothing(
    step_seconds: int, beat: Beat, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    beat.tick()
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + step_seconds)
    clock[0] += 1
    beat.tick()
    assert beat.sent.count("fast") == 2


def test_a_broker_that_is_away_is_told_once_and_tried_again(
    beat: Beat, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    beat.is_away = True
    for _ in range(10):
        beat.tick()
        clock[0] += 1
    beat.is_away = False
    beat.tick()
    lines = [record.getMessage() for record in caplog.records]
    assert [sum(words in line for line in lines) for words in ("cannot be queued", "queued again")] == [1, 1]
    assert "fast" in beat.sent
