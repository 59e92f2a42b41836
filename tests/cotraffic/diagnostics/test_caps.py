"""Caps in words: how many of how many, and as of when."""

from datetime import UTC, datetime

import pytest

from cotraffic.diagnostics.caps import cap_lines
from offers.live_caps.standing import LimitStanding


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW_S = at("2026-11-25T15:00")
AS_OF_MS = int(at("2026-11-25T14:02") * 1000)


def capped(period: str, current: object, limit: object, counted: str = "clicks") -> dict[str, object]:
    return {"capInfo": {counted: {period: {"current": current, "limit": limit}}}}


def said(raw: dict[str, object], as_of_ms: int | None = AS_OF_MS, *live: LimitStanding) -> list[str]:
    return [line.text for line in cap_lines(raw, as_of_ms, live, NOW_S)]


def test_amounts_are_as_of_the_time_of_the_record() -> None:
    assert said(capped("day", 3, 10)) == ["3 of 10 clicks today, as of 14:02 UTC"]
    assert said(capped("week", 1200, "5000", "sales")) == ["1,200 of 5,000 sales this week, as of 14:02 UTC"]
    assert said(capped("day", 3, 10), None) == ["3 of 10 clicks today, as of an unknown time"]


@pytest.mark.parametrize(
    ("period", "words"), [("day", "that day"), ("week", "this week"), ("month", "this month")]
)
def test_amounts_of_yesterday_are_not_todays(period: str, words: str) -> None:
    yesterday_ms = int(at("2026-11-24T23:59") * 1000)
    assert said(capped(period, 3, 10), yesterday_ms) == [
        f"3 of 10 clicks {words}, as of 2026-11-24 23:59 UTC"
    ]


def test_clicks_counted_live_are_added_and_told_apart() -> None:
    live = LimitStanding("day", 3, 4, 10, int(at("2026-11-25T14:05")), at("2026-11-25T16:30"))
    assert said(capped("day", 3, 10), AS_OF_MS, live) == [
        "7 of 10 clicks today: 3 in the recipe, as of 14:02 UTC, and 4 counted live since 14:05 UTC; "
        "at this rate full 16:30 UTC"
    ]
    # Sales are counted by co-recipe alone.
    assert said(capped("day", 3, 10, "sales"), AS_OF_MS, live) == ["3 of 10 sales today, as of 14:02 UTC"]


def test_a_limit_that_is_reached_says_so() -> None:
    (line,) = cap_lines(capped("day", 10, 10), AS_OF_MS, (), NOW_S)
    assert line.is_reached
    assert line.text.endswith("the limit is reached")


def test_caps_may_be_json_text_and_limits_none() -> None:
    text = (
        '{"clicks": {"day": {"current": 1, "limit": 2}, "week": {"current": 1, "limit": null}}, "sales": ""}'
    )
    assert said({"capInfo": text}) == ["1 of 2 clicks today, as of 14:02 UTC"]
    assert said({"capInfo": None}) == []
