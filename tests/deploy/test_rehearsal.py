"""The rehearsal in README, command by command: a production instance beside `make dev`."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.services import free_port
from tests.docs.commands import told
from tests.processes import DEADLINE_SECONDS, PROJECT, wait_until
from tests.stacks import Stack, first_free_port

REHEARSAL = [
    one.command for one in told() if "environment.rehearsal" in one.command or "localhost:5010" in one.command
]


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[list[str]]:
    """README's commands, for the ports and directories of a devstack that runs."""
    port, own_port, redis_port = first_free_port(), free_port(), free_port()
    stack = Stack(tmp_path / "state", port)
    try:
        stack.links()
        places = {
            "localhost:5001": f"localhost:{port + 1}",
            "localhost:5004": f"localhost:{port + 4}",
            "localhost:5010": f"localhost:{own_port}",
            "PORT=5010": f"PORT={own_port}",
            "REDIS_PORT=5013": f"REDIS_PORT={redis_port}",
            "var/devstack": str(tmp_path / "state"),
            "DATA_DIR=/tmp/co-traffic": f"DATA_DIR={tmp_path / 'data'}",
            "deploy/environment.rehearsal": str(tmp_path / "rehearsal"),
        }
        settings = (PROJECT / "deploy" / "environment.rehearsal").read_text()
        (tmp_path / "rehearsal").write_text(_at(settings, places))
        yield [_at(command, places) for command in REHEARSAL]
    finally:
        stack.stop()


def _at(text: str, places: dict[str, str]) -> str:
    return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], text)


def output(command: str) -> str:
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["/bin/bash", "-c", command], cwd=PROJECT, env=clean, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_a_production_instance_runs_beside_the_devstack(commands: list[str], tmp_path: Path) -> None:
    start, ready, click, metrics, status = commands
    log = tmp_path / "log"
    with log.open("wb") as lines:
        instance = subprocess.Popen(
            ["/usr/bin/env", "-i", "/bin/bash", "-c", f"exec /usr/bin/env {start}"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: '"status":"ready"' in output(ready), what="readiness")
        answer = json.loads(output(ready))
        assert set(answer.pop("recipe")) == {"offers", "campaigns"}
        assert answer.pop("instance")
        assert answer.pop("version")
        assert answer == {"status": "ready", "missing": [], "degraded": []}
        assert output(click).startswith("HTTP/1.1 302 Found")
        assert "cotraffic_redis_up 1.0" in output(metrics)
        wait_until(lambda: "cotraffic_clicks_delivered_total 1.0" in output(metrics), what="delivery")
        assert "delivered" in output(status)
    finally:
        instance.terminate()
        assert instance.wait(DEADLINE_SECONDS) == 0, log.read_text()
