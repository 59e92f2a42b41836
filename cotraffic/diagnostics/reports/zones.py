"""When hours and days begin in a time zone."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cotraffic.diagnostics.reports.types import ChartStep, TimeRange

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
STEP_MS = {ChartStep.MINUTE: MINUTE_MS, ChartStep.HOUR: HOUR_MS, ChartStep.DAY: DAY_MS}


class Offset(NamedTuple):
    """How far local time is ahead of UTC, in milliseconds, until `until_ms` since the epoch."""

    until_ms: int
    ahead_ms: int


@lru_cache(maxsize=100)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name, such as Europe/Berlin. Raises `ValueError` if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is no time zone; one is Europe/Berlin") from error


def local(ms: int, zone: ZoneInfo) -> datetime:
    """Return the local time of a time in milliseconds since the epoch."""
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone)


def milliseconds(moment: datetime) -> int:
    """Return a time in milliseconds since the epoch."""
    # Not by `timestamp`, a float: it loses a millisecond now and then.
    return (moment - EPOCH) // timedelta(milliseconds=1)


def day_start(ms: int, zone: ZoneInfo, days: int = 0) -> int:
    """Return when the local day of a time began, or that of `days` later, in milliseconds since the epoch."""
    day = local(ms, zone).date() + timedelta(days=days)
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def midnight(utc_ms: int, zone: ZoneInfo) -> int:
    """Return when a day begins in a zone, of when it begins in UTC; both in milliseconds since the epoch."""
    day = local(utc_ms, zone_of("UTC"))
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def offsets(time: TimeRange, step: ChartStep, zone: ZoneInfo) -> list[Offset]:
    """Return the offsets by which steps of a range are counted, the first first; the last has no end.

    They begin a step before the range: its first step may have begun before a change of the clocks.
    """
    changes = _changes(TimeRange(time.start_ms - STEP_MS[step], time.end_ms), zone)
    return [
        Offset(_counts_from(before, after, step), before.ahead_ms) for before, after in pairwise(changes)
    ] + changes[-1:]


def starts(time: TimeRange, step: ChartStep, zone: ZoneInfo) -> list[int]:
    """Return when each step begins that has a part of the range, in milliseconds since the epoch."""
    found = _day_starts(time, zone) if step is ChartStep.DAY else _short_starts(time, step, zone)
    ordered = sorted(set(found))
    return ordered[bisect_right(ordered, time.start_ms) - 1 :]


def next_start(start_ms: int, step: ChartStep, zone: ZoneInfo) -> int:
    """Return when the step after one that begins at `start_ms` begins, in milliseconds since the epoch."""
    if step is ChartStep.DAY:
        return day_start(start_ms, zone, 1)
    # No step is longer than its name says, but the clocks may make it shorter.
    return starts(TimeRange(start_ms, start_ms + 2 * STEP_MS[step]), step, zone)[1]


def _day_starts(time: TimeRange, zone: ZoneInfo) -> list[int]:
    found, day = [], 0
    while (start := day_start(time.start_ms, zone, day)) < time.end_ms:
        found.append(start)
        day += 1
    return found


def _short_starts(time: TimeRange, step: ChartStep, zone: ZoneInfo) -> list[int]:
    """Return when hours or minutes of a range begin, and those shortly before it."""
    found: list[int] = []
    length, since = STEP_MS[step], time.start_ms - STEP_MS[step]
    for until, ahead in offsets(time, step, zone):
        first = (since + ahead) // length * length - ahead
        found += range(first, min(until, time.end_ms), length)
        since = until
    return found


def _changes(time: TimeRange, zone: ZoneInfo) -> list[Offset]:
    """Return the offsets from UTC during a range, the first first. The last has no end that matters."""
    found: list[Offset] = []
    at = time.start_ms
    while at < time.end_ms:
        ahead = _ahead(at, zone)
        end = min(at + DAY_MS, time.end_ms)
        if _ahead(end, zone) != ahead:
            end = _first_with_other(at, end, ahead, zone)
        if found and found[-1].ahead_ms == ahead:
            found.pop()
        found.append(Offset(end, ahead))
        at = end
    return found or [Offset(time.end_ms, _ahead(time.start_ms, zone))]


def _counts_from(before: Offset, after: Offset, step: ChartStep) -> int:
    """Return from when on steps are counted by the offset `after` a change, in milliseconds since the epoch.

    Where the clocks go from 02:00 to 01:30, the half hour until 02:00 would belong to the hour from 01:00 on,
    which is over. It is counted by the offset before instead, by which it begins an hour of its own.
    """
    length, change = STEP_MS[step], before.until_ms
    day_before, day_after = (change - 1 + before.ahead_ms) // DAY_MS, (change + after.ahead_ms) // DAY_MS
    if step is ChartStep.DAY and day_before <= day_after:
        # A day has all hours of its date. Only clocks that go back over midnight would begin it twice.
        return change
    return -(-(change + after.ahead_ms) // length) * length - after.ahead_ms


def _ahead(ms: int, zone: ZoneInfo) -> int:
    offset = local(ms, zone).utcoffset() or timedelta()
    return int(offset.total_seconds() * 1000)


def _first_with_other(low: int, high: int, ahead: int, zone: ZoneInfo) -> int:
    """Return the first time after `low`, until `high`, at which the offset is not `ahead` any more."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _ahead(middle, zone) == ahead else (low, middle)
    return high
