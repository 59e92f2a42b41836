"""Background processes for tests: the real commands, with the environment of the tests."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
# For anything that a test waits for; TEST_DEADLINE_SCALE makes it longer on a very slow machine.
DEADLINE_SECONDS = 180.0 * float(os.environ.get("TEST_DEADLINE_SCALE", "1"))


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """`python ARGUMENTS` until the block ends; what it printed is shown when the test fails."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(DEADLINE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            output.seek(0)
            print(f"--- {' '.join(arguments)}\n{output.read().decode(errors='replace')}")


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def wait_until(condition: Callable[[], object], what: str = "it") -> float:
    """Wait until `condition()` is true; return the seconds it took. Raise AssertionError at the deadline.

    One deadline holds for all, and it is generous: a test says what happens, not how fast the machine is.
    """
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < DEADLINE_SECONDS, f"{what}: not in {DEADLINE_SECONDS:g} s"
        time.sleep(0.02)
    return time.monotonic() - started
