"""Reads how much of its memory a Redis uses, from `INFO memory`."""

import re
from typing import NamedTuple

_LINE = re.compile(rb"^(used_memory|maxmemory):(\d+)\r?$", re.MULTILINE)
# How far use must fall below a mark to count as below it, so that the answer does not change every second. It
# is little, because other data than clicks may keep use just below the mark for good.
HYSTERESIS_PERCENT = 1.0


class MemoryUse(NamedTuple):
    """The bytes that Redis uses and may use; 0 means no limit."""

    used: int
    limit: int

    @property
    def percent(self) -> float:
        """The use in percent of the limit; 0 without a limit."""
        return 100 * self.used / self.limit if self.limit else 0.0

    def exceeds(self, percent: float, *, did: bool) -> bool:
        """Return whether use is above a mark; if it `did` exceed it before, it has to fall clearly below."""
        return self.percent >= percent - (HYSTERESIS_PERCENT if did else 0)


def parse_memory(info: bytes) -> MemoryUse:
    """Read the reply to `INFO memory`; missing figures count as 0."""
    found = {name: int(value) for name, value in _LINE.findall(info)}
    return MemoryUse(found.get(b"used_memory", 0), found.get(b"maxmemory", 0))
