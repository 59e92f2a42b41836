"""`make docs-check`: runs every command that README and docs tell, beside a whole running system.

What cannot run here, or takes long and is run elsewhere, is named in `ELSEWHERE`, with where.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from devstack.environment import PROJECT
from tests.docs.commands import Told, broken_links, told
from tests.processes import DEADLINE_SECONDS
from tests.stacks import Stack, first_free_port

# The beginning of a command -> what runs it.
ELSEWHERE = {
    "docker ": "tests/deploy/test_image.py reads what Docker would; there is no engine here",
    "ENVIRONMENT_FILE=deploy/environment.rehearsal": "tests/deploy/test_rehearsal.py",
    'ENVIRONMENT_FILE="$PWD/environment"': "tests/deploy/test_instance.py",
    "curl -s http://localhost:5010": "tests/deploy/test_rehearsal.py",
    "curl -si 'http://localhost:5010": "tests/deploy/test_rehearsal.py",
    "make .venv/.synced": "whoever runs the suite, before it",
    ".venv/bin/python manage.py collectstatic": "tests/deploy/test_image.py",
    "kubectl ": "tests/deploy/test_kubernetes.py reads the manifests; there is no cluster here",
    "python manage.py clicks_compare": "tests/cotraffic/diagnostics/compare/test_clicks_compare.py",
    "useradd ": "tests/deploy/test_programs.py has systemd read the units",
    "install -D -m 640 ": "tests/deploy/test_programs.py has systemd read the units",
    "cp /opt/co-traffic/deploy/systemd": "tests/deploy/test_programs.py has systemd read the units",
    "systemctl ": "tests/deploy/test_programs.py has systemd read the units",
    "make dev": "tests/devstack/test_stack.py",
    "make lint": "whoever runs the suite, before it",
    "make test": "the suite itself",
}
SHOWN_LINES = 12


class Ran(NamedTuple):
    """What became of a command; `problem` is "" when it ended well."""

    told: Told
    seconds: float
    problem: str


def where_else(command: str) -> str | None:
    """What runs a command that is not run here; None: it is."""
    return next((where for start, where in ELSEWHERE.items() if command.startswith(start)), None)


def run_all(stack: Stack, state: Path) -> Iterator[Ran]:
    """Run each command once, in the order in which a reader meets it, against a stack that is up."""
    port = stack.site_url.rpartition(":")[2]
    for one in dict.fromkeys(told()):
        if where_else(one.command) is None:
            yield _run(one, _for(one.command, stack.site_url, state), port)


def _for(command: str, site_url: str, state: Path) -> str:
    """The command as it has to be for a stack at another place; an HTTP error is a failure, too."""
    return (
        command.replace("http://localhost:5000", site_url)
        .replace("curl ", "curl --fail ")
        .replace("-m devstack ", f"-m devstack --state {state} ")
        .replace("devstack_change ", f"devstack_change --state {state} ")
    )


def _run(one: Told, command: str, port: str) -> Ran:
    started = time.monotonic()
    try:
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PORT": port},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        problem = "" if not done.returncode else f"it ended with {done.returncode}\n{_last(done.stdout)}"
    except subprocess.TimeoutExpired:
        problem = f"it did not end within {DEADLINE_SECONDS:g} s"
    return Ran(one, time.monotonic() - started, problem)


def _last(printed: str) -> str:
    return "\n".join(f"    {line}" for line in printed.splitlines()[-SHOWN_LINES:])


def main() -> int:
    """Run them and print how each ended; gives 1 when one did not end well, or a link leads nowhere."""
    failed = 0
    for link in broken_links():
        failed += 1
        print(f"FAILED  {link} is not there")
    with tempfile.TemporaryDirectory(prefix="co-traffic-docs-") as directory:
        state = Path(directory) / "state"
        stack = Stack(state, first_free_port())
        try:
            stack.links()
            for ran in run_all(stack, state):
                failed += bool(ran.problem)
                print(f"{'FAILED' if ran.problem else 'ok    '}  {ran.seconds:5.1f} s  {ran.told.command}")
                if ran.problem:
                    print(f"        in {ran.told.page}: {ran.problem}")
        finally:
            stack.stop()
    for one in dict.fromkeys(told()):
        if where := where_else(one.command):
            print(f"not here        {one.command}: {where}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
