"""Dates in the forms that recipes have them in."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.records.instants import BadInstant, instant_ms


def utc_ms(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2026-11-25",
            "2026/11/25",
            "20261125",
            ' "2026-11-25" ',
            "2026-11-25T00:00:00.000Z",
            "2026-11-25 00:00",
        ),
        *("2026-11-24T24:00:00Z", "2026-11-25T01:00:00+01:00", "1795564800", 1795564800, 1795564800000),
        *(1795564800.0, "1795564800000"),
    ],
)
def test_one_moment_in_many_forms(value: object) -> None:
    assert instant_ms(value) == utc_ms(2026, 11, 25)


@pytest.mark.parametrize("value", ["2026-11-25", "2026/11/25", "20261125"])
def test_an_end_without_a_time_is_the_end_of_its_day(value: str) -> None:
    assert instant_ms(value, ends_day=True) == utc_ms(2026, 11, 26) - 1


@pytest.mark.parametrize("value", ["2026-11-25T00:00:00Z", "2026-11-25 00:00:00", 1795564800])
def test_an_end_with_a_time_ends_then(value: object) -> None:
    assert instant_ms(value, ends_day=True) == utc_ms(2026, 11, 25)


@pytest.mark.parametrize("value", [None, "", " ", "0000-00-00", "0000-00-00 00:00:00"])
def test_no_date_is_none(value: object) -> None:
    assert instant_ms(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "25/11/2026",
        "11/25/2026",
        5,
        "5",
        20261125,
        True,
        False,
        [1],
        {},
        1e300,
        float("nan"),
        "2026-13-01",
    ],
)
def test_what_can_mean_several_dates_or_none_is_refused(value: object) -> None:
    with pytest.raises(BadInstant):
        instant_ms(value)


@given(st.text() | st.integers() | st.floats() | st.booleans(), st.booleans())
def test_any_value_is_a_moment_or_refused(value: object, ends_day: bool) -> None:
    try:
        found = instant_ms(value, ends_day=ends_day)
    except BadInstant:
        return
    assert found is None or isinstance(found, int)
