"""Counts the clicks of one batch in either Redis, and finds those that have to be decided again."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from offers.live_caps.counts import LiveCaps, Taken, turned_away

Pending = TypeVar("Pending")


class BatchCounting:
    """One batch. `rows` is what it adds to each count; `again` are the places of clicks without room.

    Always call `end`: clicks that were not counted are then counted with a later batch.
    """

    def __init__(self, caps: LiveCaps | None, taken: Sequence[Taken]) -> None:
        self._caps = caps
        self._taken = taken
        self.rows = caps.rows(taken) if caps is not None else []
        self.again: Collection[int] = ()
        self._is_counted = not self.rows

    def shared(self, clicks: list[Pending], totals: Sequence[int] | None) -> list[Pending]:
        """Return the clicks that have room by the shared Redis' totals; None means that it counted none."""
        if totals is None or self._caps is None:
            return clicks
        self.again = frozenset(turned_away(self.rows, totals))
        self._counted(totals)
        if not self.again:
            return clicks
        for place in self.again:
            # Redis added the click before it was known that there is no room.
            self._caps.give_back(self._taken[place])
        return [click for place, click in enumerate(clicks) if place not in self.again]

    def own(self, totals: Sequence[int], away: Sequence[int]) -> None:
        """Note the reply of append.lua, which has neither written nor counted the clicks `away`."""
        self.again = frozenset(away)
        self._counted(totals)

    def end(self) -> None:
        """Leave clicks that were not counted to a later batch."""
        if not self._is_counted and self._caps is not None:
            self._caps.not_counted(self.rows)

    def _counted(self, totals: Sequence[int]) -> None:
        self._is_counted = True
        if self._caps is not None:
            self._caps.counted(self.rows, totals)
