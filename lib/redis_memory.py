"""How much of its memory a Redis uses, from its `INFO memory`."""

import re
from typing import NamedTuple

_LINE = re.compile(rb"^(used_memory|maxmemory):(\d+)\r?$", re.MULTILINE)
# How far use must fall below a mark before it counts as below: else each second could say otherwise. It is
# little, for what is not made of clicks may keep use just below the mark for good.
HYSTERESIS_PERCENT = 1.0


class MemoryUse(NamedTuple):
    """Bytes that Redis uses, and may use; a limit of 0 is none."""

    used: int
    limit: int

    @property
    def percent(self) -> float:
        """Use in percent of the limit; 0 without a limit."""
        return 100 * self.used / self.limit if self.limit else 0.0

    def exceeds(self, percent: float, *, did: bool) -> bool:
        """Whether use is above a mark; where it `did` exceed it, use has to fall clearly below."""
        return self.percent >= percent - (HYSTERESIS_PERCENT if did else 0)


def parse_memory(info: bytes) -> MemoryUse:
    """What the reply to `INFO memory` says; what it does not say counts as 0."""
    found = {name: int(value) for name, value in _LINE.findall(info)}
    return MemoryUse(found.get(b"used_memory", 0), found.get(b"maxmemory", 0))
