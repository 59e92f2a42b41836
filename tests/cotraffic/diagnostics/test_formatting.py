"""Numbers, durations and times as people read them."""

from decimal import Decimal

import pytest

from cotraffic.diagnostics import formatting

NOW = 1_764_000_000.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0123, "12.3 ms"),
        (0.35, "350 ms"),
        (1.25, "1.25 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (3_600, "1 h"),
        (2 * 86_400 + 4 * 3_600 + 59, "2 days 4 h"),
        (86_400 + 59, "1 day"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds_ago", "text"),
    [
        (0.5, "just now"),
        (-1, "just now"),
        (5, "5 s ago"),
        (200, "3 min ago"),
        (7_300, "2 h ago"),
        (86_400, "1 day ago"),
        (-300, "in 5 min"),
    ],
)
def test_times_say_how_long_ago(seconds_ago: float, text: str) -> None:
    assert formatting.relative(NOW - seconds_ago, NOW) == text


def test_absolute_times_have_their_zone() -> None:
    assert formatting.absolute(NOW) == "2025-11-24 16:00:00 UTC"
    assert formatting.iso(NOW) == "2025-11-24T16:00:00Z"


@pytest.mark.parametrize(("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1_234_567, "1.23 MB")])
def test_sizes_have_three_digits(size: int, text: str) -> None:
    assert formatting.file_size(size) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1_234_567, "1,234,567"), (5.5, "5.5"), (100, "100"), (-0.001, "0"), (None, "-")]
)
def test_numbers_have_commas(value: float | None, text: str) -> None:
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.004, "0.004"),
        (Decimal("0.0045"), "0.0045"),
        (0.00001234, "0.00001"),
        (-0.001, "-0.001"),
        (0.1 + 0.2, "0.3"),
        (1234.567, "1,234.57"),
        (Decimal("12.0000"), "12"),
        (Decimal("0E-10"), "0"),
        (0, "0"),
        (None, "-"),
    ],
)
def test_small_amounts_are_not_shown_as_nothing(value: float | Decimal | None, text: str) -> None:
    assert formatting.money(value) == text
