"""That the bench itself works; what it measures is looked at by people."""

import json

import pytest

from tests.processes import PROJECT, command

pytestmark = pytest.mark.timeout(400)


# One of every kind: a server of uvicorn's and of gunicorn's, a rate, a load meanwhile, another door.
FIGURES = ("share", "latency", "reload", "django")


def test_figures_can_be_measured() -> None:
    only = [word for figure in FIGURES for word in ("--only", figure)]
    done = command("-m", "tests.bench.clicks", "--quick", *only)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((PROJECT / "var" / "bench" / "clicks-quick.json").read_text())
    assert len({row["figure"] for row in found["rows"]}) == len(FIGURES)
    assert [row["name"] for row in found["rows"] if row["failed"] or not row["per_second"]] == []


def test_without_wrk_it_says_what_to_do() -> None:
    done = command("-m", "tests.bench.clicks", PATH="/nonexistent")
    assert (done.returncode, "apt install wrk" in done.stderr) == (1, True)
