"""How a load gives way to clicks on a machine that is busy.

A lower priority is not all: a load that takes what others leave of a processor slows them down even so, in
Redis and through what processors share. That others want one it notices by having to wait for it itself.
"""

import time
from pathlib import Path

# Measured: with once the wait clicks were a quarter slower during a load, with three times a sixth.
REST_FOR_WAIT = 3
# So that whoever waits for the load still sees it move.
LONGEST_REST_SECONDS = 0.25
# What the kernel tells of a thread: nanoseconds on a processor, nanoseconds in wait of one, and how often
# (https://docs.kernel.org/scheduler/sched-stats.html). Where it tells nothing nobody rests.
_SCHEDULED = Path("/proc/thread-self/schedstat")


class CpuBackoff:
    """Called between two pieces of work, sleeps three times as long as one had to wait for a processor."""

    def __init__(self) -> None:
        self._waited = waited_seconds()

    def __call__(self) -> None:
        """Rest, if others want the processor."""
        rest = REST_FOR_WAIT * (waited_seconds() - self._waited)
        if rest > 0:
            time.sleep(min(rest, LONGEST_REST_SECONDS))
        # To wake up takes a wait, too, which was no work.
        self._waited = waited_seconds()


def waited_seconds() -> float:
    """For how many seconds, all in all, this thread has had to wait for a processor; 0 where nobody knows."""
    try:
        return int(_SCHEDULED.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
