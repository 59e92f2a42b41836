"""Where the web workers' counters lie, and who writes to which file.

prometheus_client maps a file for each writer into memory, and adds them up when they are read. Here a writer
is a worker's *slot* and not its process: the worker that replaces a dead one goes on with its counters, which
therefore never go back, and there are never more files than workers.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import multiprocess, values

# The library itself looks here, whenever it opens a file.
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "co-traffic-metrics-"


def own_directory() -> Path:
    """The directory for the counters of this process's workers, made when it is first asked for.

    What processes that were killed have left is deleted.
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
    """Delete the counters: nobody is left to write or read them."""
    shutil.rmtree(directory, ignore_errors=True)


def free_slot(taken: Iterable[int]) -> int:
    """The lowest slot that no living worker has."""
    used = set(taken)
    return next(slot for slot in range(len(used) + 1) if slot not in used)


def take_slot(directory: Path, slot: int) -> None:
    """Write the metrics of this process, which are created later, to the files of a slot."""
    os.environ[_VARIABLE] = str(directory)
    # As the library's documentation has it for servers that number their workers.
    new_class = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]
    values.ValueClass = new_class


def leave_slot(directory: Path, slot: int) -> None:
    """Forget what a dead worker said of its own state; what it counted stays."""
    multiprocess.mark_process_dead(slot, str(directory))  # type: ignore[no-untyped-call]


def shared_directory() -> Path | None:
    """Where the files are; None in a process that serves alone and keeps its metrics to itself."""
    path = os.environ.get(_VARIABLE)
    return Path(path) if path else None
