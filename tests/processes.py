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
STOP_SECONDS = 10.0


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
                    process.wait(STOP_SECONDS)
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


def wait_until(condition: Callable[[], object], within_seconds: float = 10.0, what: str = "it") -> float:
    """Wait until `condition()` is true; gives the seconds it took. Raises AssertionError after too long."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within_seconds, f"{what} did not happen in {within_seconds:g} s"
        time.sleep(0.02)
    return time.monotonic() - started
