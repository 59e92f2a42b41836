"""A load rests where others want the processor, and only there."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recipes.file import cpu_backoff
from recipes.file.cpu_backoff import LONGEST_REST_SECONDS, REST_FOR_WAIT, CpuBackoff, waited_seconds


@pytest.fixture
def one_processor() -> Iterator[None]:
    """This thread, and what it starts, on one processor."""
    available = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(available)})
    yield
    os.sched_setaffinity(0, available)


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long it was rested, each time."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


@pytest.mark.usefixtures("one_processor")
def test_who_has_to_share_a_processor_has_waited_for_it() -> None:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        before = waited_seconds()
        spin(1.0)
        assert waited_seconds() - before > 0.1
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.parametrize(
    ("waited", "rested"), [(0.02, [0.02 * REST_FOR_WAIT]), (0.0, []), (7.0, [LONGEST_REST_SECONDS])], ids=str
)
def test_the_longer_it_has_waited_the_longer_it_rests(
    waited: float, rested: list[float], rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    course = iter([1.0, 1.0 + waited, 1.0 + waited, 1.0 + waited, 1.0 + waited])
    monkeypatch.setattr(cpu_backoff, "waited_seconds", lambda: next(course))
    rest = CpuBackoff()
    rest()
    rest()
    assert rests == pytest.approx(rested)


def test_where_the_kernel_tells_nothing_nobody_rests(
    rests: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_backoff, "_SCHEDULED", Path("/nonexistent"))
    CpuBackoff()()
    assert rests == []
