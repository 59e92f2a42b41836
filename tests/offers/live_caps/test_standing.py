"""How limits stand, for staff."""

from offers.live_caps.standing import LimitStanding, standings
from offers.live_caps.store import CountSeen
from recipes.records.parts import Caps, ClickLimit

SINCE_S, NOW_S = 1_800_000_000, 1_800_000_600


def standing(current: int, limit: int, clicks: int, since_s: int | None = SINCE_S) -> LimitStanding:
    limits = (ClickLimit("day", current, limit),)
    (found,) = standings(Caps(False, True, None, 0, None, limits), CountSeen(clicks, since_s), float(NOW_S))
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
