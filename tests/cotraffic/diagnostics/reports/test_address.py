"""The address of a report is the report."""

from contextlib import suppress

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from cotraffic.diagnostics.reports.address import (
    RANGES,
    BadAddress,
    parameters,
    read_address,
    write_address,
)
from cotraffic.diagnostics.reports.types import Dimension, Measure, TimeRange

HOUR_MS = 3_600_000
# 2026-11-26T18:30:00Z
NOW_MS = 1_795_717_800_000


def read(query: str, zone: str = "UTC") -> TimeRange:
    return read_address(QueryDict(query), NOW_MS, zone).report.filter.time


def test_without_parameters_it_is_the_last_hour() -> None:
    address = read_address(QueryDict(""), NOW_MS)
    assert address.report.filter.time == TimeRange(NOW_MS - HOUR_MS, NOW_MS)
    assert address.report.group_by == ()
    assert address.report.order_by is Measure.CLICKS


@pytest.mark.parametrize(
    ("zone", "start_ms"),
    [("UTC", 1_795_651_200_000), ("Europe/Berlin", 1_795_647_600_000), ("Asia/Kolkata", 1_795_717_800_000)],
)
def test_today_begins_at_the_viewers_midnight(zone: str, start_ms: int) -> None:
    assert read(f"range=today&zone={zone}").start_ms == start_ms


def test_yesterday_of_a_day_with_25_hours_has_25_hours() -> None:
    # Berlin set its clocks back on 2026-10-25.
    address = read_address(QueryDict("range=yesterday&zone=Europe/Berlin"), 1_793_016_000_000)
    time = address.report.filter.time
    assert time.end_ms - time.start_ms == 25 * HOUR_MS


def test_a_chosen_time_is_local_unless_it_has_an_offset() -> None:
    local = read("from=2026-11-26T10:00&to=2026-11-26T11:00&zone=Europe/Berlin")
    assert local == read("from=2026-11-26T09:00Z&to=2026-11-26T12:00%2B02:00")


def test_values_are_read_once_and_none_stands_for_clicks_without_one() -> None:
    address = read_address(QueryDict("offer=101&offer=101&offer=102&country=de&country=none"), NOW_MS)
    assert address.report.filter.values == {
        Dimension.OFFER: ("101", "102"),
        Dimension.COUNTRY: ("DE", ""),
    }


def test_fields_that_nobody_filled_in_choose_nothing() -> None:
    address = read_address(QueryDict("offer=&country=DE&country=+&reason="), NOW_MS)
    assert address.report.filter.values == {Dimension.COUNTRY: ("DE",)}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("range=century", "range is one of"),
        ("from=now", "from is a time"),
        ("from=2026-11-26T10:00&to=x", "to is a time"),
        ("from=2026-11-26T10:00&to=2026-11-26T10:00", "ends before it begins"),
        ("from=2000-01-01T00:00&to=2026-01-01T00:00", "longer than 400 days"),
        ("zone=Berlin", "no time zone"),
        ("zone=../../etc/passwd", "no time zone"),
        ("by=shoe", "grouped by 'shoe'"),
        ("offer=abc", "a number"),
        ("page=0", "page is a number"),
        ("page=1e9", "page is a number"),
    ],
)
def test_what_cannot_be_read_is_named(query: str, problem: str) -> None:
    with pytest.raises(BadAddress, match=problem):
        read_address(QueryDict(query), NOW_MS)


@given(st.text(max_size=60))
def test_any_query_is_read_or_refused(query: str) -> None:
    with suppress(BadAddress):
        read_address(QueryDict(query.encode("utf-8", "replace")), NOW_MS)


def test_changing_a_parameter_keeps_the_others_and_starts_anew_at_the_first_page() -> None:
    given_parameters = parameters(QueryDict("by=offer&by=country&page=3&left=1"))
    written = QueryDict(write_address(given_parameters, order="payout", left=None))
    assert dict(written.lists()) == {"by": ["offer", "country"], "order": ["payout"]}


def test_every_range_can_be_read() -> None:
    for name in RANGES:
        time = read(f"range={name}")
        assert time.start_ms < time.end_ms <= NOW_MS
