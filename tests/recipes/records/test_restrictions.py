"""What restricts and cannot be read is named, so that its rule closes; what is not set restricts nobody."""

import json
from typing import Any

import pytest

from recipes.records.parts import Caps, DateRange
from recipes.records.records import Offer
from tests.offers.builders import NOW_MS, campaign, offer

OVER = {"capsClicksOverLimit": True, "capsClicksUnderLimit": False}
LIMITED = {"day": {"current": 10, "limit": 10}}
PAST = {"startDate": "2020-01-01", "endDate": "2020-02-01"}


def dated(**setting: Any) -> Offer:
    return offer(startEndDateSetup=1, startEndDateSetting=setting)


def capped(**info: Any) -> Offer:
    return offer(capSetup=1, capInfo=info)


@pytest.mark.parametrize("value", ["CN;US", "CN\uff0cUS", '["CN","US"]', ["cn", "us"], "XX,CN,US"])
def test_countries_are_restricted_in_every_form(value: object) -> None:
    the_offer = offer(countriesRestrictions=value)
    assert (set(the_offer.countries_restricted), len(the_offer.unreadable)) == ({"CN", "US"}, 0)


@pytest.mark.parametrize("value", ["United States", "USA", 840, {"US": 1}, ["United States"], True, 0])
def test_countries_of_which_none_can_be_read_are_unreadable(value: object) -> None:
    the_offer = offer(countriesRestrictions=value)
    assert the_offer.unreadable == {"countries"}
    assert {defect.field for defect in the_offer.defects} == {"countriesRestrictions"}


def test_each_entry_that_is_no_country_is_a_defect() -> None:
    defects = offer(countriesRestrictions="CN, United States").defects
    assert [defect.value for defect in defects] == ["United", "States"]


@pytest.mark.parametrize("value", [None, "", "[]", []])
def test_no_countries_are_no_defect(value: object) -> None:
    the_offer = offer(countriesRestrictions=value)
    assert the_offer.countries_restricted | the_offer.unreadable == set()
    assert the_offer.defects == ()


@pytest.mark.parametrize(
    "raw",
    [
        {"startEndDateSetup": 1},
        {"startEndDateSetup": 1, "startEndDateSetting": {}},
        {"startEndDateSetup": 1, "startEndDateSetting": "{}"},
        {"startEndDateSetup": 1, "startEndDateSetting": "soon"},
        {"startEndDateSetup": 1, "startEndDateSetting": [PAST]},
        {"startEndDateSetup": 1, "startEndDateSetting": {"value": PAST}},
        {"startEndDateSetup": 1, "startEndDateSetting": {"startDate": "soon", "endDate": "later"}},
        {"startEndDateSetup": 1, "startEndDateSetting": PAST | {"endDate": [1]}},
        {"startEndDateSetup": 1, "startEndDateSetting": {"dateRangePass": "perhaps"}},
        {"startEndDateSetup": "perhaps", "startEndDateSetting": PAST},
        {"startEndDateSetup": {}, "startEndDateSetting": PAST},
        {"useStartEndDate": "perhaps"},
    ],
    ids=str,
)
def test_dates_that_cannot_be_read_are_unreadable(raw: dict[str, Any]) -> None:
    the_offer = offer(**raw)
    assert (the_offer.dates, set(the_offer.unreadable)) == (None, {"dates"})
    assert the_offer.defects


@pytest.mark.parametrize("verdict", [True, False, "0", 1])
def test_the_frozen_verdict_counts_where_a_date_cannot_be_read(verdict: object) -> None:
    the_offer = dated(startDate="2020-01-01", endDate="soon", dateRangePass=verdict)
    assert the_offer.dates is not None
    assert (the_offer.dates.passed(NOW_MS), the_offer.unreadable) == (verdict in (True, 1), frozenset())
    assert [defect.field for defect in the_offer.defects] == ["startEndDateSetting.endDate"]


def test_a_setting_may_be_json_text() -> None:
    the_offer = offer(startEndDateSetup="Y", startEndDateSetting=json.dumps(PAST))
    assert the_offer.dates == DateRange(1_577_836_800_000, 1_580_601_599_999, None)


def test_swapped_dates_never_run_and_are_a_defect() -> None:
    the_offer = dated(startDate="2099-01-01", endDate="2020-01-01", dateRangePass=True)
    assert the_offer.dates is not None
    assert the_offer.dates.passed(NOW_MS) is False
    assert "before the start" in the_offer.defects[0].problem


@pytest.mark.parametrize(
    ("setting", "passes"),
    [
        ({"startDate": None, "endDate": "2020-01-01"}, False),
        ({"startDate": "2020-01-01", "endDate": ""}, True),
        ({"startDate": "2099-01-01"}, False),
        ({"endDate": "2099-01-01"}, True),
    ],
)
def test_one_date_without_a_verdict_bounds_one_side(setting: dict[str, Any], passes: bool) -> None:
    dates = dated(**setting).dates
    assert dates is not None
    assert dates.passed(NOW_MS) is passes


@pytest.mark.parametrize(
    "raw",
    [
        {"capSetup": 1},
        {"capSetup": 1, "capInfo": None},
        {"capSetup": 1, "capInfo": {}},
        {"capSetup": 1, "capInfo": [OVER]},
        {"capSetup": 1, "capInfo": "over"},
        {"capSetup": 1, "capInfo": {"value": OVER}},
        {"capSetup": 1, "capInfo": {"capsSalesOverLimit": "perhaps"}},
        {"capSetup": 1, "capInfo": {"capsSalesUnderLimit": 2}},
        {"capSetup": 1, "capInfo": {"clicks": LIMITED, "capsClicksUnderLimit": False}},
        {"capSetup": 1, "capInfo": {"clicks": 10, "capsClicksUnderLimit": None}},
        {"capSetup": 1, "capInfo": {**OVER, "dateRangeSetUp": "perhaps"}},
        {"capSetup": 1, "capInfo": {**OVER, "dateRangeSetUp": 1, "dateStart": "soon"}},
        {
            "capSetup": 1,
            "capInfo": {**OVER, "offerCapsOfferIdRedirect": [5], "campaignCapsOfferIdRedirect": [5]},
        },
        {"capSetup": "perhaps", "capInfo": OVER},
        {"capsEnabled": {}},
    ],
    ids=str,
)
def test_caps_that_cannot_be_read_are_unreadable(raw: dict[str, Any]) -> None:
    for record in (offer(**raw), campaign(**raw)):
        assert (record.caps, set(record.unreadable)) == (None, {"caps"})
        assert record.defects


@pytest.mark.parametrize(
    "info", [OVER, json.dumps(OVER), {"capsClicksOverLimit": "Y"}, {"capsSalesOverLimit": 1}]
)
def test_caps_are_read_in_every_form(info: object) -> None:
    for record in (offer(capSetup="true", capInfo=info), campaign(capSetup="1", capInfo=info)):
        assert record.caps == Caps(True, False, None, 0, None)
        assert (record.unreadable, record.defects) == (frozenset(), ())


def test_a_limit_whose_flag_is_missing_is_told_by_the_other_flag() -> None:
    over = capped(clicks=LIMITED, capsClicksOverLimit=True).caps
    under = capped(clicks=LIMITED, capsClicksUnderLimit=True).caps
    assert over is not None
    assert under is not None
    assert (over.over_limit, under.over_limit) == (True, False)


@pytest.mark.parametrize("raw", [{}, {"capSetup": 0, "capInfo": "x"}, {"capSetup": None, "capsEnabled": 1}])
def test_caps_that_are_not_set_up_are_no_defect(raw: dict[str, Any]) -> None:
    the_offer = offer(**raw)
    assert (the_offer.caps, the_offer.unreadable, the_offer.defects) == (None, frozenset(), ())


@pytest.mark.parametrize("value", [5, "5", {"aggregatedOfferId": 5}, True, [5, 6], [{"id": 5}], "[5]", "{"])
def test_candidates_of_which_none_can_be_read_are_unreadable(value: object) -> None:
    the_offer = offer(type="aggregated", offersAggregatedIds=value)
    assert (len(the_offer.candidates), set(the_offer.unreadable)) == (0, {"candidates"})


def test_a_regular_offer_has_no_candidates_to_read() -> None:
    assert offer(offersAggregatedIds=5).unreadable == frozenset()


@pytest.mark.parametrize(
    "row",
    [{"countriesRestrictions": 840}, {"countriesRestrictions": "USA"}, {"capsOverLimitSales": "perhaps"}],
)
def test_a_candidate_whose_row_cannot_be_read_is_closed(row: dict[str, Any]) -> None:
    rows = [{"aggregatedOfferId": 2}, {"aggregatedOfferId": 3, **row}]
    opened, closed = offer(type="aggregated", offersAggregatedIds=json.dumps(rows)).candidates
    assert opened.closed_by is None
    assert closed.closed_by is not None
    assert "cannot be read" in closed.closed_by


def test_what_is_set_is_named_readable_or_not() -> None:
    the_offer = offer(countriesRestrictions="CN", capSetup=1, offerIdRedirectExitTraffic=5, status="Draft")
    assert the_offer.restrictions == {"status", "page", "exit offer", "countries", "caps"}
    the_campaign = campaign(campaignStatus="pending", affiliateStatus="Blacklisted", payout="2.5")
    assert the_campaign.restrictions == {"status", "affiliateStatus", "blacklisted", "payout"}


def limits(clicks: object) -> list[tuple[str, int, int]]:
    caps = capped(clicks=clicks, capsClicksUnderLimit=True).caps
    return [(limit.period, limit.current, limit.limit) for limit in caps.click_limits] if caps else []


def test_caps_whose_dates_are_swapped_are_unreadable() -> None:
    swapped = {"dateRangeSetUp": 1, "dateStart": "2027-12-31", "dateEnd": "2027-01-01"}
    caps = {"capSetup": 1, "capInfo": {"capsClicksOverLimit": True, **swapped}}
    for record in (offer(**caps), campaign(**caps)):
        assert (record.caps, set(record.unreadable)) == (None, {"caps"})


def test_limits_of_clicks_are_read_in_every_form() -> None:
    day, week, month = {"current": "7", "limit": 10}, {"current": None, "limit": "50.0"}, {"limit": 100}
    read = [("day", 7, 10), ("week", 0, 50), ("month", 0, 100)]
    assert limits({"day": day, "week": week, "month": month}) == read
    assert limits(json.dumps({"day": day, "week": week, "month": month})) == read
    assert limits({"day": json.dumps(day), "week": json.dumps(week), "month": month}) == read


@pytest.mark.parametrize("limit", [None, "", 0, "0", False, -1])
def test_a_limit_that_is_empty_or_not_above_zero_is_none(limit: object) -> None:
    assert limits({"day": {"current": 5, "limit": limit}}) == []


@pytest.mark.parametrize(
    ("day", "field"),
    [
        ({"current": 1, "limit": "many"}, "capInfo.clicks.day.limit"),
        ({"current": 1, "limit": True}, "capInfo.clicks.day.limit"),
        ({"current": [1], "limit": 5}, "capInfo.clicks.day.current"),
        ("five", "capInfo.clicks.day"),
    ],
)
def test_a_limit_that_cannot_be_read_is_a_defect_and_leaves_the_flags_law(day: object, field: str) -> None:
    record = capped(clicks={"day": day}, capsClicksUnderLimit=True)
    assert record.caps
    assert record.caps.under_limit
    assert (record.caps.click_limits, [defect.field for defect in record.defects]) == ((), [field])
