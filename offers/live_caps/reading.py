"""Reads live counts for staff from where they are; while that is away, what this worker knew last counts."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from lib.shared_redis import AWAY, words
from offers.live_caps.counts import LiveCaps
from offers.live_caps.store import CountSeen, read_counts
from recipes.records.parts import Caps


class CountsRead(msgspec.Struct, frozen=True):
    """Counts by name; `problem` says why they are only what this worker knew last, "" where they are not."""

    counts: dict[str, CountSeen]
    problem: str = ""

    def of(self, caps: Caps | None) -> CountSeen:
        """The count of a record."""
        return self.counts.get(caps.counted_as, CountSeen()) if caps is not None else CountSeen()


class CountReader:
    """Reads counts for one worker, whose own `LiveCaps` learn from it too."""

    def __init__(self, caps: LiveCaps, redis: Any, timeout_seconds: float) -> None:
        self._caps = caps
        self._redis = redis
        self._timeout = timeout_seconds

    async def read(self, caps: Iterable[Caps]) -> CountsRead:
        """Read the counts of some records. Does not raise."""
        by_name = {found.counted_as: found for found in caps if found.counted_as}
        try:
            async with asyncio.timeout(self._timeout):
                counts = await read_counts(self._redis, list(by_name))
        except AWAY as error:
            known = {name: CountSeen(self._caps.known(name)) for name in by_name}
            return CountsRead(known, words(error))
        self._caps.learn((by_name[name], seen.clicks) for name, seen in counts.items())
        return CountsRead(counts)

    async def closes(self, noted: Mapping[str, Caps]) -> bool:
        """Read counts, and return whether one of them has closed a record that was noted open."""
        read = await self.read(noted.values())
        return any(
            not caps.over_limit and caps.tightest is not None and read.of(caps).clicks >= caps.tightest.left
            for caps in noted.values()
        )
