"""When hours and days begin in a time zone."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cotraffic.diagnostics.reports.types import ChartStep, TimeRange

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
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(zone)


def milliseconds(moment: datetime) -> int:
    """Return a time in milliseconds since the epoch."""
    return int(moment.timestamp() * 1000)


def day_start(ms: int, zone: ZoneInfo, days: int = 0) -> int:
    """Return when the local day of a time began, or that of `days` later, in milliseconds since the epoch."""
    day = local(ms, zone).date() + timedelta(days=days)
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def midnight(utc_ms: int, zone: ZoneInfo) -> int:
    """Return when a day begins in a zone, of when it begins in UTC; both in milliseconds since the epoch."""
    day = local(utc_ms, zone_of("UTC"))
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def offsets(time: TimeRange, zone: ZoneInfo) -> list[Offset]:
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


def starts(time: TimeRange, step: ChartStep, zone: ZoneInfo) -> list[int]:
    """Return when each step begins that has a part of the range, in milliseconds since the epoch."""
    if step is ChartStep.DAY:
        found, day = [], 0
        while (start := day_start(time.start_ms, zone, day)) < time.end_ms:
            found.append(start)
            day += 1
        return found
    length = STEP_MS[step]
    ahead = _ahead(time.start_ms, zone)
    first = (time.start_ms + ahead) // length * length - ahead
    return list(range(first, time.end_ms, length))


def _ahead(ms: int, zone: ZoneInfo) -> int:
    offset = local(ms, zone).utcoffset() or timedelta()
    return int(offset.total_seconds() * 1000)


def _first_with_other(low: int, high: int, ahead: int, zone: ZoneInfo) -> int:
    """Return the first time after `low`, until `high`, at which the offset is not `ahead` any more."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _ahead(middle, zone) == ahead else (low, middle)
    return high
