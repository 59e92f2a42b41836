"""A worker that cannot start ends and says why; a fault in the protocol costs no click."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from cotraffic.web_worker import PAUSE_SECONDS
from devstack.services import LOCALHOST, free_port, port_answers
from tests.offers.exchanges import exchange, get
from tests.processes import DEADLINE_SECONDS, PROJECT, wait_until
from tests.security.conftest import GOOD, live_recipe

CLICK = get(GOOD)
# As `tests.failing` has it, which changes the application where it is imported.
IN_PROTOCOL = "protocol"
# For a process to start on a busy machine.


class Instance(NamedTuple):
    """gunicorn with workers of `tests.failing`."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    fault: Path

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid) for pid in children.split()}

    def events(self, event: str) -> list[dict[str, Any]]:
        """The lines of this event in the log; the last one may be written in this moment."""
        lines = self.log.read_text().rpartition("\n")[0].splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def answers(self) -> bool:
        try:
            return exchange(self.port, CLICK).status == 302
        except (OSError, EOFError):
            return False


@contextmanager
def instance(directory: Path, workers: int, fault: str = "") -> Iterator[Instance]:
    port, log, file = free_port(), directory / "log", directory / "fault"
    if fault:
        file.write_text(fault)
    variables = {
        "ENV": "production",
        "HOST": LOCALHOST,
        "PORT": str(port),
        "WEB_CONCURRENCY": str(workers),
        "FAULT": str(file),
    }
    gunicorn = ("-m", "gunicorn", "--config", "gunicorn.conf.py", "tests.failing:application")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *gunicorn],
            cwd=PROJECT,
            env={**os.environ, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Instance(port, process, log, file)
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


@pytest.fixture
def _recipe(redis_client: redis.Redis, redis_url: str, geoip_databases: None) -> None:
    live_recipe(redis_url)


@pytest.mark.usefixtures("_recipe")
@pytest.mark.parametrize("error", ["ValueError", "KeyError", "MemoryError", "SystemExit"])
def test_gunicorn_ends_where_no_worker_can_start_and_the_reason_is_told(tmp_path: Path, error: str) -> None:
    with instance(tmp_path, 1, error) as started:
        assert started.process.wait(DEADLINE_SECONDS) != 0
        (told,) = started.events("the worker ends, it cannot start")
    assert (told["level"], told["logger"]) == ("critical", "cotraffic.asgi")
    assert "a fault that was asked for" in told["problem"]
    assert "manage.py check" in told["hint"]


@pytest.mark.usefixtures("_recipe")
def test_a_worker_that_cannot_start_answers_nothing_while_the_others_go_on_until_it_can(
    tmp_path: Path,
) -> None:
    with instance(tmp_path, 2) as started:
        wait_until(lambda: len(started.events("Application startup complete.")) == 2, what="the start")
        started.fault.write_text("KeyError")
        first = started.workers()
        os.kill(min(first), signal.SIGKILL)
        failures = "the worker ends, it cannot start"
        wait_until(lambda: len(started.events(failures)) >= 2, what="the failure of two new workers")
        assert {exchange(started.port, CLICK).status for _ in range(40)} == {302}
        assert first & started.workers()
        started.fault.unlink()
        wait_until(lambda: len(started.events("Application startup complete.")) == 3, what="a new one")
        assert {exchange(started.port, CLICK).status for _ in range(40)} == {302}


@pytest.mark.usefixtures("_recipe")
def test_workers_that_cannot_start_are_tried_again_with_pauses_and_in_the_end_serve(tmp_path: Path) -> None:
    with instance(tmp_path, 1) as started:
        wait_until(started.answers, what="an answer")
        started.fault.write_text("RuntimeError")
        (only,) = started.workers()
        began = time.monotonic()
        os.kill(only, signal.SIGTERM)
        wait_until(lambda: len(started.events("the worker ends, it cannot start")) == 3, what="failures")
        assert time.monotonic() - began >= 2 * PAUSE_SECONDS
        assert started.process.poll() is None
        assert port_answers(started.port)
        started.fault.unlink()
        wait_until(started.answers, what="an answer of a worker that could start")


@pytest.mark.usefixtures("_recipe")
def test_a_fault_in_the_protocol_is_counted_and_django_answers_the_click(
    tmp_path: Path, redis_client: redis.Redis
) -> None:
    with instance(tmp_path, 1) as started:
        wait_until(started.answers, what="an answer")
        started.fault.write_text(IN_PROTOCOL)
        began, before = time.monotonic(), redis_client.xlen("clicks")
        assert {exchange(started.port, CLICK).status for _ in range(300)} == {302}
        assert redis_client.xlen("clicks") - before == 300
        wait_until(lambda: errors(started.port) == 300, what="the count of 300 errors")
        told = started.events("a click failed in the protocol")
        assert 1 <= len(told) <= time.monotonic() - began + 2
        assert "KeyError" in told[0]["exception"]


def errors(port: int) -> float:
    lines = exchange(port, get(path=b"/metrics")).body.decode().splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("cotraffic_click_errors_total")]
    return float(value)
