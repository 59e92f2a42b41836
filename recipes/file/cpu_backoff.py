"""Lets a load give way to clicks on a busy machine.

A lower priority alone is not enough: a load that uses only idle time still slows clicks down, in Redis and
through what processors share. So it measures its own run-queue wait (schedstat) to detect that others want
the processor.
"""

import time
from pathlib import Path

# Sleep this many times as long as we waited. Measured: clicks were 25 % slower with factor 1, 17 % with 3.
REST_FOR_WAIT = 3
# Limits one sleep, so that progress stays visible to staff who wait for the load.
LONGEST_REST_SECONDS = 0.25
# The kernel's figures for a thread: nanoseconds on a processor, nanoseconds in the run queue waiting for one,
# and time slices (https://docs.kernel.org/scheduler/sched-stats.html). The second grows only while other
# threads want the processor, so it shows contention directly. Without the file there is no back-off.
_SCHEDULED = Path("/proc/thread-self/schedstat")


class CpuBackoff:
    """Call it between two pieces of work: it sleeps `REST_FOR_WAIT` times as long as the last one waited."""

    def __init__(self) -> None:
        self._waited = waited_seconds()

    def __call__(self) -> None:
        """Sleep if this thread had to wait for a processor since the last call."""
        rest = REST_FOR_WAIT * (waited_seconds() - self._waited)
        if rest > 0:
            time.sleep(min(rest, LONGEST_REST_SECONDS))
        # Read again: waking up takes a wait in the run queue, too, which must not count as contention.
        self._waited = waited_seconds()


def waited_seconds() -> float:
    """Return the seconds that this thread has waited for a processor since it started; 0 if unknown."""
    try:
        return int(_SCHEDULED.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
