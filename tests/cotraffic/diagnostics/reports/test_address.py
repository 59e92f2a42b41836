"""The address of a report is the report."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import available_timezones

import pytest
from django.http import QueryDict
from hypothesis import example, given
from hypothesis import strategies as st

from cotraffic.diagnostics.reports.address import (
    RANGES,
    Address,
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


def form_of(address: Address) -> dict[str, str]:
    """The fields of the form on a report's page, as a browser sends them."""
    return {
        "range": address.range_name,
        "from": address.begin,
        "to": address.end,
        "from_exact": address.begin_exact,
        "to_exact": address.end_exact,
        "zone": address.report.zone,
    }


def second_of_two_hours() -> dict[str, str]:
    """The form of the hour from 02:00 on that came second in Berlin, when the clocks had been set back."""
    query = urlencode(
        {"from": "2026-10-25T02:00+01:00", "to": "2026-10-25T02:59+01:00", "zone": "Europe/Berlin"}
    )
    return form_of(read_address(QueryDict(query), NOW_MS))


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
        ("from=2026-11-26T10:00&from_exact=x", "from_exact is a time"),
        ("from=2026-11-26T10:00&to=2026-11-26T10:00", "ends before it begins"),
        ("from=2000-01-01T00:00&to=2026-01-01T00:00", "longer than 400 days"),
        ("zone=Berlin", "no time zone"),
        ("zone=../../etc/passwd", "no time zone"),
        ("by=shoe", "grouped by 'shoe'"),
        ("offer=abc", "a number"),
        ("page=0", "page is a number"),
        ("page=1e9", "page is a number"),
        ("offer=%D9%A1%D9%A2", "chosen by its id"),
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


@given(
    st.sampled_from(sorted(available_timezones())),
    st.integers(0, 2_500_000_000_000),
    st.integers(1, 400 * 24 * HOUR_MS),
)
# The second of two hours, and both of them.
@example("Europe/Berlin", 1_792_890_000_000, HOUR_MS)
@example("Europe/Berlin", 1_792_886_400_000, 2 * HOUR_MS)
def test_the_form_shown_again_means_the_same_time(zone: str, start_ms: int, length_ms: int) -> None:
    moments = (start_ms, start_ms + length_ms)
    begin, end = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms) for ms in moments)
    query = urlencode({"from": begin.isoformat(), "to": end.isoformat(), "zone": zone})
    shown = form_of(read_address(QueryDict(query), NOW_MS))
    assert read(urlencode(shown)) == TimeRange(*moments)


def test_a_time_that_the_form_shows_exactly_is_in_it_once() -> None:
    shown = form_of(read_address(QueryDict("from=2026-11-26T10:00&to=2026-11-26T11:00"), NOW_MS))
    assert (shown["from_exact"], shown["to_exact"]) == ("", "")


def test_a_range_that_moves_on_has_no_exact_times_in_the_form() -> None:
    shown = form_of(read_address(QueryDict("range=hour"), NOW_MS + 1))
    assert (shown["from_exact"], shown["to_exact"]) == ("", "")


def test_the_second_of_two_hours_is_told_by_its_exact_time() -> None:
    shown = second_of_two_hours()
    assert (shown["from"], shown["from_exact"]) == ("2026-10-25T02:00", "2026-10-25T02:00:00+01:00")


def test_a_field_that_was_changed_counts_and_its_exact_time_does_not() -> None:
    changed = {**second_of_two_hours(), "from": "2026-10-25T01:30"}
    assert read(urlencode(changed)) == read(
        "from=2026-10-25T01:30%2B02:00&to=2026-10-25T02:59%2B01:00&zone=Europe/Berlin"
    )


def test_in_another_zone_the_fields_count_and_not_the_exact_times() -> None:
    changed = {**second_of_two_hours(), "zone": "Asia/Tokyo"}
    assert read(urlencode(changed)) == read("from=2026-10-25T02:00&to=2026-10-25T02:59&zone=Asia/Tokyo")
