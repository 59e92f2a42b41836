"""How the caps of a record stand, in words: how many of how many, and as of when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from offers.live_caps.standing import LimitStanding
from recipes.sync.cap_amounts import CapAmount, cap_amounts

# What a period is called while it goes on, and its part of a date.
_NOW = {"day": ("today", "%Y-%m-%d"), "week": ("this week", "%G-%V"), "month": ("this month", "%Y-%m")}


class CapLine(msgspec.Struct, frozen=True):
    """One limit in a sentence."""

    text: str
    is_reached: bool


def cap_lines(
    raw: Mapping[str, object], as_of_ms: int | None, live: Sequence[LimitStanding], now_s: float
) -> tuple[CapLine, ...]:
    """Describe the limits of a raw record that has caps.

    `as_of_ms` is when the record was made, in milliseconds since the epoch, None if that is unknown. `live`
    has what was counted since, and is empty where nothing is. `now_s` is in seconds since the epoch.
    """
    counted = {limit.period: limit for limit in live}
    return tuple(
        _line(found, as_of_ms, counted.get(found.period) if found.counted == "clicks" else None, now_s)
        for found in cap_amounts(raw)
    )


def _line(found: CapAmount, as_of_ms: int | None, live: LimitStanding | None, now_s: float) -> CapLine:
    as_of = "as of an unknown time" if as_of_ms is None else f"as of {_moment(as_of_ms / 1000, now_s)}"
    period = _period(found.period, as_of_ms, now_s)
    if live is None:
        text, is_reached = f"{found.words} {period}, {as_of}", found.current >= found.limit
    else:
        is_reached = live.is_reached
        since = f" since {_moment(live.since_s, now_s)}" if live.since_s is not None else ""
        text = (
            f"{live.total:,} of {live.limit:,} {found.counted} {period}: {live.current:,} in the recipe, "
            f"{as_of}, and {live.counted:,} counted live{since}"
        )
        if live.full_at_s is not None and not is_reached:
            text += f"; at this rate full {_moment(live.full_at_s, now_s)}"
    return CapLine(f"{text}; the limit is reached" if is_reached else text, is_reached)


def _period(period: str, as_of_ms: int | None, now_s: float) -> str:
    """Name the period that the amounts are of; one that is over by now is not called today's."""
    words, part = _NOW[period]
    if as_of_ms is None or _at(as_of_ms / 1000).strftime(part) == _at(now_s).strftime(part):
        return words
    return f"that {period}"


def _moment(at_s: float, now_s: float) -> str:
    at = _at(at_s)
    return f"{at:%H:%M} UTC" if at.date() == _at(now_s).date() else f"{at:%Y-%m-%d %H:%M} UTC"


def _at(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
