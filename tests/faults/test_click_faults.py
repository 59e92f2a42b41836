"""An answered click is delivered, whatever is killed meanwhile; `make faults` does this at length."""

from pathlib import Path

import pytest

from tests.faults.fault import SHORT, Fault
from tests.faults.faults import FAULTS
from tests.faults.harness import run
from tests.faults.of_limits import may_mount

RATE = 200.0


def named(*names: str) -> list[Fault]:
    return [next(fault for fault in FAULTS if fault.name == name) for name in names]


@pytest.mark.parametrize(
    "names",
    [
        ("worker-killed", "redis-killed", "dynamodb-throttles", "dynamodb-refuses"),
        ("everything-killed",),
        ("disk-full",),
        ("redis-memory", "redis-full", "redis-read-only", "descriptors"),
        ("dynamodb-garbage", "geoip-overwritten", "archive-away"),
        ("one-disk-refused",),
    ],
    ids=lambda names: "+".join(names),
)
def test_no_answered_click_is_lost_and_none_comes_twice(names: tuple[str, ...], tmp_path: Path) -> None:
    if any(fault.disk_bytes for fault in named(*names)) and not may_mount():
        pytest.skip("only root may mount a disk")
    outcome = run(named(*names), SHORT, RATE, tmp_path / "system")
    account = outcome.account
    assert account.answered > RATE * SHORT.before, outcome.logs
    if "disk-full" in names:
        assert account.unaccounted == 0, outcome.logs
        assert account.missing, "nothing was lost, so that the disk was not full"
    else:
        assert account.missing == [], outcome.logs
        assert account.counted_lost == 0, outcome.logs
    assert account.doubles == []
    assert account.not_archived == account.archived_twice == [], outcome.logs
    assert outcome.drain_seconds < SHORT.drain, outcome.problems
    assert not [problem for problem in outcome.problems if "still" in problem or "none" in problem]
