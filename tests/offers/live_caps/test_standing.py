"""How limits stand, for staff."""

from offers.live_caps.standing import LimitStanding, limit_in_words, standings
from offers.live_caps.store import CountSeen
from recipes.records.parts import Caps, ClickLimit

SINCE_S, NOW_S = 1_800_000_000, 1_800_000_600


def standing(current: int, limit: int, clicks: int, since_s: int | None = SINCE_S) -> LimitStanding:
    limits = (ClickLimit("day", current, limit),)
    (found,) = standings(
        Caps(False, True, None, 0, False, None, limits), CountSeen(clicks, since_s), float(NOW_S)
    )
    return found


def test_a_limit_is_full_when_clicks_go_on_coming_as_they_did() -> None:
    # Ten minutes brought 50 clicks: the 40 that are left take eight more.
    assert standing(10, 100, 50).full_at_s == NOW_S + 480


def test_no_time_is_told_where_there_is_none() -> None:
    assert standing(10, 100, 90).is_reached
    assert standing(10, 100, 90).full_at_s is None
    assert standing(10, 100, 0, None).full_at_s is None
    assert standing(10, 100, 5, NOW_S - 10).full_at_s is None
    assert standing(10, 100_000_000, 1).full_at_s is None


def test_a_record_without_limits_has_nothing_to_tell() -> None:
    assert standings(None, CountSeen(), NOW_S) == ()


def test_a_limit_is_told_in_a_sentence() -> None:
    words = (
        "60 of 100 clicks of the day, 10 of them in the recipe and 50 counted live since 2027-01-15 08:00:00"
    )
    assert limit_in_words(standing(10, 100, 50)) == f"{words} UTC: at this rate full 2027-01-15 08:18:00 UTC"
    assert limit_in_words(standing(50, 100, 50)).endswith("the limit is reached")
    assert limit_in_words(standing(10, 100, 0, None)).endswith("0 counted live")
