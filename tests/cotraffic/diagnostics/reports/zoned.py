"""Weeks in which the clocks change, and clicks throughout them, for tests of hours and days."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import duckdb
from hypothesis import strategies as st

from cotraffic.diagnostics.reports.types import TimeRange

MINUTE_MS = 60_000
DAY = timedelta(days=1)
# Midnights that do not exist, changes by half an hour, others; the last two have no change.
CHANGES = [
    ("Africa/Cairo", "2026-04-24"),
    ("America/Havana", "2026-03-08"),
    ("America/Santiago", "2026-09-06"),
    ("Asia/Beirut", "2026-03-29"),
    ("Atlantic/Azores", "2026-03-29"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    # One minute after midnight, back into the day before.
    ("America/St_Johns", "2010-11-07"),
    # A date that was left out.
    ("Pacific/Apia", "2011-12-30"),
    ("Asia/Kathmandu", "2026-06-01"),
    ("UTC", "2026-06-01"),
]


def week_around(zone: str, day: str) -> TimeRange:
    """The seven days in UTC around the noon of a day."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    return _week(noon.astimezone(UTC))


def weeks_with_a_change() -> st.SearchStrategy[tuple[str, TimeRange]]:
    """A zone and a week in which its clocks change, of any year; some week if they never do in the year."""
    zones, years = st.sampled_from(sorted(available_timezones())), st.integers(1971, 2060)
    return st.tuples(zones, years, st.integers(0, 5)).map(lambda drawn: (drawn[0], _changing_week(*drawn)))


@contextmanager
def clicks_in(time: TimeRange) -> Iterator[duckdb.DuckDBPyConnection]:
    """A table of clicks, one in every fifth minute of a range."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(
            'CREATE TABLE clicks AS SELECT to_timestamp(ms / 1000) AS "dateAdded", false AS "isUniqueVisit", '
            "0 AS payin, 0 AS payout FROM range(?, ?, ?) AS every(ms)",
            [time.start_ms, time.end_ms, 5 * MINUTE_MS],
        )
        yield connection


def _changing_week(zone: str, year: int, which: int) -> TimeRange:
    begin = datetime(year, 1, 1, tzinfo=UTC)
    days = [begin + number * DAY for number in range(365)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    changes = [day for day, one, next_one in zip(days, offsets, offsets[1:], strict=False) if one != next_one]
    return _week(changes[which % len(changes)] if changes else days[180])


def _week(middle: datetime) -> TimeRange:
    begin, end = (int((middle + 3.5 * sign * DAY).timestamp() * 1000) for sign in (-1, 1))
    return TimeRange(begin, end)
