"""A short run of the fuzzer; `make fuzz` sends a million requests."""

from pathlib import Path

from tests.fuzz.client import COME_AGAIN
from tests.fuzz.mutations import Fuzzer
from tests.fuzz.run import run

REQUESTS = 4000


def test_nothing_that_is_sent_troubles_a_worker(tmp_path: Path) -> None:
    result = run(tmp_path, REQUESTS, seed=7, connections=16, seconds=90)
    assert result.problems() == []
    assert result.findings.statuses["click"][302] > result.findings.sent / 10


def test_a_click_is_never_answered_for_what_was_sent_after_it(tmp_path: Path) -> None:
    result = run(tmp_path, REQUESTS // 4, seed=8, connections=16, seconds=60)
    assert set(result.findings.statuses["click"]) <= {302, 404, COME_AGAIN}


def test_the_same_seed_makes_the_same_kinds_of_requests() -> None:
    first, second = (Fuzzer(1, [1], [1]) for _ in range(2))
    assert [first.next().kind for _ in range(50)] == [second.next().kind for _ in range(50)]
