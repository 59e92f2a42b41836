"""A table's rows lead to their clicks: to each of them, and to no other."""

from zoneinfo import ZoneInfo

import duckdb
import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from cotraffic.diagnostics.reports import run, sql
from cotraffic.diagnostics.reports.address import read_address
from cotraffic.diagnostics.reports.table import ReportLine, lines
from cotraffic.diagnostics.reports.types import ClickFilter, ClickReport, Dimension, ReportQuery, TimeRange
from cotraffic.diagnostics.reports.zones import local
from tests.cotraffic.diagnostics.reports.zoned import CHANGES, clicks_in, week_around, weeks_with_a_change

TIMES = (Dimension.HOUR, Dimension.DAY)


def table(
    connection: duckdb.DuckDBPyConnection, time: TimeRange, zone: str, by: Dimension
) -> list[tuple[ReportLine, ClickFilter]]:
    """The lines of a report over the clicks of a range, each with what its link asks for."""
    query = ReportQuery(ClickFilter(time), (by,), zone, order_by=by, descending=False, limit=1000)
    rows = [run._row(query, row) for row in connection.execute(sql.report_rows(query)).fetchall()]
    found = lines({"zone": [zone], "by": [by.value]}, query, ClickReport(tuple(rows), rows[0], len(rows)))
    return [(line, read_address(QueryDict(line.clicks_address), 0).report.filter) for line in found]


@pytest.mark.parametrize("by", TIMES)
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_time_leads_to_as_many_clicks_as_it_says(zone: str, day: str, by: Dimension) -> None:
    time = week_around(zone, day)
    with clicks_in(time) as connection:
        shown = table(connection, time, zone, by)
        counts = ", ".join(f"count_if({sql.condition(wanted)})" for _, wanted in shown)
        (found,) = connection.execute(f"SELECT {counts} FROM clicks").fetchall()  # noqa: S608
    assert list(found) == [line.row.clicks for line, _ in shown]


@settings(max_examples=50, deadline=None)
@given(drawn=weeks_with_a_change(), by=st.sampled_from(TIMES))
def test_the_links_of_all_times_neither_overlap_nor_leave_gaps(
    drawn: tuple[str, TimeRange], by: Dimension
) -> None:
    zone, week = drawn
    with clicks_in(week) as connection:
        times = [wanted.time for _, wanted in table(connection, week, zone, by)]
    assert [time.start_ms for time in times] == [week.start_ms, *(time.end_ms for time in times[:-1])]
    assert times[-1].end_ms == week.end_ms


def test_a_day_without_a_midnight_leads_to_its_23_hours() -> None:
    week, zone = week_around("Africa/Cairo", "2026-04-24"), ZoneInfo("Africa/Cairo")
    with clicks_in(week) as connection:
        days = table(connection, week, zone.key, Dimension.DAY)
    (time,) = [wanted.time for line, wanted in days if line.cells[0].text == "2026-04-24"]
    assert local(time.start_ms, zone).isoformat() == "2026-04-24T01:00:00+03:00"
    assert local(time.end_ms, zone).isoformat() == "2026-04-25T00:00:00+03:00"
