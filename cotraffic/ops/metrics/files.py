"""The files of the web workers' counters, and which worker writes to which file.

prometheus_client maps a file for each writer into memory, and adds them up when they are read. Here a writer
is a worker's *slot*, not its process: the worker that replaces a dead one continues its counters. So they
never fall, and there are never more files than workers.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric, multiprocess, values

# The library reads this variable whenever it opens a file.
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "co-traffic-metrics-"


def own_directory() -> Path:
    """Return the directory for the counters of this process's workers, and make it at the first call.

    Directories of killed processes are deleted.
    """
    for found in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = found.name.removeprefix(_PREFIX).partition("-")[0]
        if found.stat().st_uid != os.getuid():
            continue
        if owner == str(os.getpid()):
            return found
        if not Path("/proc", owner).exists():
            shutil.rmtree(found, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def remove_directory(directory: Path) -> None:
    """Delete the counters, when no process is left to write or read them."""
    shutil.rmtree(directory, ignore_errors=True)


def free_slot(taken: Iterable[int]) -> int:
    """Return the lowest slot that no living worker has."""
    used = set(taken)
    return next(slot for slot in range(len(used) + 1) if slot not in used)


def take_slot(directory: Path, slot: int) -> None:
    """Make the metrics that this process creates later write to the files of a slot."""
    os.environ[_VARIABLE] = str(directory)
    # The library's documentation recommends this for servers that number their workers.
    new_class = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]
    values.ValueClass = new_class


def leave_slot(directory: Path, slot: int) -> None:
    """Delete a dead worker's gauges; its counters stay."""
    multiprocess.mark_process_dead(slot, str(directory))  # type: ignore[no-untyped-call]


class WorkersCollector:
    """Adds up the counters of all workers. What one has not begun to write is left out."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        written = [str(file) for file in self._directory.glob("*.db") if _is_written(file)]
        metrics: Iterable[Metric] = multiprocess.MultiProcessCollector.merge(written)  # type: ignore[no-untyped-call]
        return metrics


def _is_written(file: Path) -> bool:
    """Whether a file can be read: a starting worker makes it empty, and gives it its size a moment later."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        # Those of a dead worker's gauges are deleted.
        return False


def shared_directory() -> Path | None:
    """Return where the files are; None in a process that serves alone, with its metrics in memory."""
    path = os.environ.get(_VARIABLE)
    return Path(path) if path else None
