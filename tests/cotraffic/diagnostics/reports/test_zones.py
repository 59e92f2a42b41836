"""Hours and days begin where the clocks of a zone say so, in Python as in SQL."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotraffic.diagnostics.reports import sql
from cotraffic.diagnostics.reports.types import ChartStep, ClickFilter, SeriesQuery, TimeRange
from cotraffic.diagnostics.reports.zones import local, midnight, next_start, starts
from tests.cotraffic.diagnostics.reports.zoned import CHANGES, clicks_in, week_around, weeks_with_a_change

STEPS = st.sampled_from([ChartStep.HOUR, ChartStep.DAY])
# A range that begins there begins before, in or after the step that has the change.
LATER_MS = st.integers(0, 6 * 24 * 3_600_000)


def grouped(time: TimeRange, step: ChartStep, zone: str) -> list[int]:
    """The steps by which SQL groups clicks that came throughout a range."""
    with clicks_in(time) as connection:
        rows = connection.execute(sql.series_rows(SeriesQuery(ClickFilter(time), zone, step))).fetchall()
    found = [start for start, *_ in rows]
    return sorted(midnight(start, ZoneInfo(zone)) if step is ChartStep.DAY else start for start in found)


def begins(day: str, step: ChartStep, zone: str, hours: tuple[int, int]) -> list[str]:
    """What the clocks show when the steps of some hours of a day begin."""
    begin, end = (
        datetime.fromisoformat(f"{day}T{hour:02}:00").replace(tzinfo=ZoneInfo(zone)) for hour in hours
    )
    time = TimeRange(int(begin.timestamp() * 1000), int(end.timestamp() * 1000))
    found = [local(start, ZoneInfo(zone)) for start in starts(time, step, ZoneInfo(zone))]
    return [f"{at:%H:%M%z}" for at in found]


@pytest.mark.parametrize("step", [ChartStep.HOUR, ChartStep.DAY])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_sql_groups_by_the_steps_of_a_chart(zone: str, day: str, step: ChartStep) -> None:
    time = week_around(zone, day)
    assert grouped(time, step, zone) == starts(time, step, ZoneInfo(zone))


@settings(max_examples=50, deadline=None)
@given(drawn=weeks_with_a_change(), step=STEPS)
def test_sql_groups_by_the_steps_of_a_chart_in_every_zone_and_year(
    drawn: tuple[str, TimeRange], step: ChartStep
) -> None:
    zone, time = drawn
    assert grouped(time, step, zone) == starts(time, step, ZoneInfo(zone))


@settings(max_examples=150, deadline=None)
@given(drawn=weeks_with_a_change(), step=STEPS)
def test_each_step_ends_where_the_next_begins(drawn: tuple[str, TimeRange], step: ChartStep) -> None:
    zone, found = ZoneInfo(drawn[0]), starts(drawn[1], step, ZoneInfo(drawn[0]))
    assert [next_start(start, step, zone) for start in found[:-1]] == found[1:]


@settings(max_examples=150, deadline=None)
@given(drawn=weeks_with_a_change(), step=STEPS, later_ms=LATER_MS)
def test_a_step_begins_at_the_same_time_in_every_range(
    drawn: tuple[str, TimeRange], step: ChartStep, later_ms: int
) -> None:
    zone, week = ZoneInfo(drawn[0]), drawn[1]
    later = starts(TimeRange(week.start_ms + later_ms, week.end_ms), step, zone)
    assert later == starts(week, step, zone)[-len(later) :]
    assert later[0] <= week.start_ms + later_ms


def test_a_day_without_a_midnight_begins_at_one() -> None:
    assert begins("2026-04-24", ChartStep.DAY, "Africa/Cairo", (2, 20)) == ["01:00+0300"]


def test_an_hour_in_which_the_clocks_go_back_by_half_an_hour_is_followed_by_half_an_hour() -> None:
    assert begins("2026-04-05", ChartStep.HOUR, "Australia/Lord_Howe", (1, 3)) == [
        "01:00+1100",
        "01:30+1030",
        "02:00+1030",
    ]


def test_an_hour_whose_first_half_the_clocks_leave_out_begins_with_its_second_half() -> None:
    assert begins("2026-10-04", ChartStep.HOUR, "Australia/Lord_Howe", (1, 4)) == [
        "01:00+1030",
        "02:30+1100",
        "03:00+1100",
    ]


def test_an_hour_that_comes_twice_is_two_steps() -> None:
    assert begins("2026-10-25", ChartStep.HOUR, "Europe/Berlin", (2, 4)) == [
        "02:00+0200",
        "02:00+0100",
        "03:00+0100",
    ]
