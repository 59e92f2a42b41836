"""Metrics of the web processes, under the names that Prometheus' own clients use: `process_…`."""

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat, counted from the one behind the name: proc(5).
PARENT, USER, SYSTEM, WAITED_USER, WAITED_SYSTEM, STARTED = 1, 11, 12, 13, 14, 19


class WebProcesses(Collector):
    """Adds up gunicorn's master and its workers; a process that serves alone counts as both."""

    def __init__(self, worker_pid: int, proc: Path = PROC) -> None:
        self._proc = proc
        self._worker = worker_pid
        parent = int(self._stat(worker_pid)[PARENT])
        self._master = parent if b"gunicorn" in self._command(parent) else worker_pid

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; a process that ends meanwhile is left out."""
        cpu_ticks = memory_kb = descriptors = 0
        for pid in self._pids():
            try:
                stat = self._stat(pid)
                descriptors += len(list((self._proc / str(pid) / "fd").iterdir()))
                memory_kb += self._memory_kb(pid)
            except OSError:
                continue
            cpu_ticks += int(stat[USER]) + int(stat[SYSTEM])
            if pid == self._master:
                # Of workers that have ended, so that the sum never falls.
                cpu_ticks += int(stat[WAITED_USER]) + int(stat[WAITED_SYSTEM])
        yield CounterMetricFamily(
            "process_cpu_seconds",
            "Processor time of the web processes, of those that have ended as well.",
            value=cpu_ticks / TICKS_PER_SECOND,
        )
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Memory of the web processes; what they share counts once.",
            value=memory_kb * 1024,
        )
        yield GaugeMetricFamily(
            "process_open_fds", "Open descriptors of the web processes.", value=descriptors
        )
        yield GaugeMetricFamily(
            "process_start_time_seconds",
            "When the web server started, in seconds since the epoch.",
            value=self._booted_s() + int(self._stat(self._master)[STARTED]) / TICKS_PER_SECOND,
        )

    def _pids(self) -> list[int]:
        """Return the master and its workers, which are its children."""
        if self._master == self._worker:
            return [self._worker]
        path = self._proc / str(self._master) / "task" / str(self._master) / "children"
        try:
            children = path.read_text()
        except OSError:
            # A kernel that has no such file: what this worker knows of, then.
            children = str(self._worker)
        return [self._master, *map(int, children.split())]

    def _stat(self, pid: int) -> list[str]:
        """Return the fields behind the name, which may hold blanks and parentheses itself."""
        return (self._proc / str(pid) / "stat").read_text().rpartition(")")[2].split()

    def _command(self, pid: int) -> bytes:
        try:
            return (self._proc / str(pid) / "cmdline").read_bytes()
        except OSError:
            return b""

    def _memory_kb(self, pid: int) -> int:
        """Return the proportional set size: each shared page is divided by the number of its users."""
        rollup = (self._proc / str(pid) / "smaps_rollup").read_text()
        return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)

    def _booted_s(self) -> int:
        lines = (self._proc / "stat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
