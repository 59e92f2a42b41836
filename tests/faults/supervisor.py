"""Programs that are started again when they end, as a supervisor of a real machine would."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.processes import PROJECT

RESTART_SECONDS = 1.0
LOOK_SECONDS = 0.05
STOP_SECONDS = 15.0
# The variable by which processes are known as ours when their first process has ended long ago.
MARK = "FAULTS_MARK"


class Program:
    """One program, in a process group of its own."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.starts = 0
        self._command, self._environment, self._log = list(command), dict(environment), log
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_at: float | None = None
        self._held_until = 0.0
        # The supervisor's thread and the fault's may mean the same program at the same time.
        self._lock = threading.RLock()

    @property
    def pid(self) -> int:
        """The process id of the program's first process; it may have ended."""
        assert self._process, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the program's first process runs."""
        return self._process is not None and self._process.poll() is None

    def group(self) -> list[int]:
        """Every living process of the group, the first one (if it lives) first."""
        return sorted(_group_members(self.pid), key=lambda pid: pid != self.pid)

    def start(self) -> None:
        """Start it now."""
        with self._lock, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._ended_at = None
            self.starts += 1

    def restart_if_ended(self) -> None:
        """Start it again where it ended `RESTART_SECONDS` ago, and nobody holds it."""
        with self._lock:
            if self._process is None or self._process.poll() is None:
                return
            self._ended_at = self._ended_at or time.monotonic()
            if time.monotonic() >= max(self._ended_at + RESTART_SECONDS, self._held_until):
                self.start()

    def hold(self, seconds: float = float("inf")) -> None:
        """Do not start it again for so many seconds."""
        self._held_until = time.monotonic() + seconds

    def release(self) -> None:
        """Start it again, when it does not run, after no more than the usual pause."""
        self._held_until = 0.0

    def signal(self, number: int) -> None:
        """Send a signal to the program's first process alone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End every process of the group at once (SIGKILL)."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait until the first process has ended; gives its return code. Raises TimeoutExpired."""
        assert self._process
        return self._process.wait(seconds)

    def printed(self) -> str:
        """The last of what it printed."""
        text = self._log.read_bytes() if self._log.exists() else b""
        return text[-4000:].decode(errors="replace")


class Supervisor:
    """A thread that starts programs again. All of them need `mark` in their environment, as `MARK`."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.programs: list[Program] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def add(self, program: Program) -> Program:
        """Start a program, and again whenever it ends."""
        program.start()
        self.programs.append(program)
        return program

    def stop(self) -> None:
        """End all programs, without asking them, and whatever they have left behind."""
        self._stop.set()
        self._thread.join()
        for program in self.programs:
            program.kill()
            program.wait()
        for pid in _marked(self.mark):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            for program in list(self.programs):
                program.restart_if_ended()


def _group_members(group: int) -> list[int]:
    members = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold anything; state, parent and group come after it.
            state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group and state not in "ZX":
            members.append(int(process.name))
    return members


def _marked(mark: str) -> list[int]:
    wanted = f"{MARK}={mark}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found
