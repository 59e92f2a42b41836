"""What the instance's own Redis may use of the container's memory."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.processes import PROJECT

GIGABYTE = 1024**3


def started_with(tmp_path: Path, cgroup: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """How `deploy/redis` starts a server, which here only tells its arguments."""
    server = tmp_path / "bin" / "valkey-server"
    server.parent.mkdir()
    server.write_text('#!/bin/sh\necho "$@"\n')
    server.chmod(0o755)
    environment = {
        "PATH": f"{server.parent}:{os.environ['PATH']}",
        "DATA_DIR": str(tmp_path / "data"),
        "ENVIRONMENT_FILE": str(tmp_path / "none"),
        "CGROUP": str(cgroup),
        **variables,
    }
    return subprocess.run(
        [PROJECT / "deploy" / "redis"], env=environment, capture_output=True, text=True, check=False
    )


def maxmemory(done: subprocess.CompletedProcess[str]) -> int:
    assert done.returncode == 0, done.stderr
    found = re.search(r"--maxmemory (\d+)", done.stdout)
    assert found
    return int(found[1])


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_redis_gets_its_share_of_the_container_limit(tmp_path: Path, file: str) -> None:
    path = tmp_path / "cgroup" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"{GIGABYTE}\n")
    assert maxmemory(started_with(tmp_path, tmp_path / "cgroup")) == pytest.approx(GIGABYTE / 2, rel=0.001)


def test_the_share_is_configurable(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{GIGABYTE}\n")
    done = started_with(tmp_path, tmp_path, REDIS_MEMORY_PERCENT="70")
    assert maxmemory(done) == pytest.approx(0.7 * GIGABYTE, rel=0.001)


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "", "nonsense"])
def test_without_a_limit_it_is_a_share_of_the_machine(tmp_path: Path, limit: str) -> None:
    (tmp_path / "memory.max").write_text(limit)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert maxmemory(started_with(tmp_path, tmp_path)) == pytest.approx(machine / 2, rel=0.01)


@pytest.mark.parametrize("percent", ["0", "101", "half", "-5"])
def test_a_share_that_is_none_is_refused_by_name(tmp_path: Path, percent: str) -> None:
    done = started_with(tmp_path, tmp_path, REDIS_MEMORY_PERCENT=percent)
    assert (done.returncode, "REDIS_MEMORY_PERCENT" in done.stderr) == (78, True)
