"""How a record's limits stand: what the recipe says, what was counted since, and by when they are reached.

Pure; for staff. No click uses it.
"""

import msgspec

from offers.live_caps.store import CountSeen
from recipes.records.parts import Caps

# A rate over less than this says nothing about the hours to come.
SHORTEST_RATE_SECONDS = 60
# Nobody plans for a time that is further away, and its date means little.
FARTHEST_SECONDS = 366 * 24 * 3600
LAST_KNOWN = "The counts are out of reach, and each worker goes by what it knew last"


class LimitStanding(msgspec.Struct, frozen=True):
    """One limit of a record. `counted` clicks came since `since_s`, which `full_at_s` carries forward.

    Times are in seconds since the epoch. `full_at_s` is None where it cannot be told, is too far away, or the
    limit is reached.
    """

    period: str
    current: int
    counted: int
    limit: int
    since_s: int | None
    full_at_s: float | None

    @property
    def total(self) -> int:
        """All clicks of the period that are known."""
        return self.current + self.counted

    @property
    def is_reached(self) -> bool:
        """Whether there is no room left."""
        return self.total >= self.limit


def standings(caps: Caps | None, seen: CountSeen, now_s: float) -> tuple[LimitStanding, ...]:
    """Return how each limit of a record stands."""
    limits = caps.click_limits if caps is not None else ()
    return tuple(
        LimitStanding(
            limit.period,
            limit.current,
            seen.clicks,
            limit.limit,
            seen.since_s,
            _full_at_s(limit.left - seen.clicks, seen, now_s),
        )
        for limit in limits
    )


def _full_at_s(left: int, seen: CountSeen, now_s: float) -> float | None:
    """Return when `left` more clicks will have come, if they go on coming as they did since the first one."""
    if left <= 0 or seen.since_s is None or seen.clicks <= 0:
        return None
    took_s = now_s - seen.since_s
    if took_s < SHORTEST_RATE_SECONDS:
        return None
    ahead_s = left * took_s / seen.clicks
    return now_s + ahead_s if ahead_s <= FARTHEST_SECONDS else None
