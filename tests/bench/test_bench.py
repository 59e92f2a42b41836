"""That the bench itself works; what it measures is looked at by people."""

import json
import shutil

import pytest

from tests.processes import PROJECT, command

LIMIT_MB = 250

pytestmark = pytest.mark.timeout(400)


# They write to the same file.
one_at_a_time = pytest.mark.xdist_group("figures of the bench")
# With servers of uvicorn and of gunicorn, and with a load and updates meanwhile.
FIGURES = ("share", "reload")


@one_at_a_time
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt install wrk")
def test_figures_can_be_measured() -> None:
    only = [word for figure in FIGURES for word in ("--only", figure)]
    done = command("-m", "tests.bench.clicks", "--quick", *only)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((PROJECT / "var" / "bench" / "clicks-quick.json").read_text())
    assert len({row["figure"] for row in found["rows"]}) == len(FIGURES)
    assert [row["name"] for row in found["rows"] if row["failed"] or not row["per_second"]] == []


@one_at_a_time
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt install wrk")
@pytest.mark.parametrize("figure", ["whole", "sustained"])
def test_what_a_click_costs_until_it_is_stored_can_be_measured(figure: str) -> None:
    done = command("-m", "tests.bench.clicks", "--quick", "--only", figure)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((PROJECT / "var" / "bench" / "clicks-quick.json").read_text())
    assert {row["figure"].split()[1] for row in found["rows"]} == {figure}


def test_without_wrk_it_says_what_to_do() -> None:
    done = command("-m", "tests.bench.clicks", PATH="/nonexistent")
    assert (done.returncode, "apt install wrk" in done.stderr) == (1, True)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt install wrk")
def test_the_profile_names_every_step() -> None:
    done = command("-m", "tests.bench.profile", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((PROJECT / "var" / "bench" / "profile-quick.json").read_text())
    assert [step for step, us in figures.items() if step != "server" and us <= 0] == []


def test_a_small_recipe_and_few_strangers_stay_within_the_memory_that_a_worker_may_have() -> None:
    # Its exit code tells of slowness too, which on a busy machine means nothing.
    done = command("-m", "tests.bench.memory", "--records", "600", "--clicks", "2000")
    assert "good links pushed out" in done.stdout, done.stdout + done.stderr
    found = json.loads((PROJECT / "var" / "bench" / "memory-2000.json").read_text())
    assert found["flood"]["forgotten"] == 0
    assert found["peak_mb"] < LIMIT_MB


def test_a_live_cap_is_not_overrun_by_the_workers_of_an_instance() -> None:
    done = command("-m", "tests.bench.caps", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((PROJECT / "var" / "bench" / "caps-quick.json").read_text())
    assert [(row["plain"], row["reloaded"]) for row in found] == [(0, 0), (0, 0)]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is missing: apt install wrk")
def test_reports_can_be_measured() -> None:
    done = command("-m", "tests.bench.reports", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
