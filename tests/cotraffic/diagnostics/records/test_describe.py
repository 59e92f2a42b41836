"""A record's rules in words: every rule has some, and they say what the rule does."""

import json
from typing import Any

import pytest

from cotraffic.diagnostics.records.describe import described_rules, standing
from offers.rules import RULES
from offers.rules.common.description import Description
from recipes.records.records import parse_campaign, parse_offer

NOW_MS = 1_764_000_000_000


def words_of_offer(**fields: Any) -> dict[str, Description]:
    raw = {"offerId": 1, "status": "public", "type": "regular", "offerIdRedirectExitTraffic": 9, **fields}
    return dict(described_rules(parse_offer(raw), NOW_MS))


def words_of_campaign(**fields: Any) -> dict[str, Description]:
    return dict(described_rules(parse_campaign({"campaignId": 1, "offerId": 1, **fields}), NOW_MS))


def said(words: Description) -> str:
    return " ".join("".join(map(str, line)) for line in words.lines)


def test_every_rule_says_what_it_does_to_an_offer_or_a_campaign() -> None:
    assert {*words_of_offer(), *words_of_campaign()} == {rule.title for rule in RULES}


def test_rules_that_a_record_does_not_have_are_off() -> None:
    on = {title for title, words in {**words_of_offer(), **words_of_campaign()}.items() if words.is_on}
    assert on == set()


def test_candidates_are_listed_with_why_they_are_closed() -> None:
    rows = [
        {"aggregatedOfferId": 2},
        {"aggregatedOfferId": 3, "capsOverLimitSales": True, "countriesRestrictions": "US"},
    ]
    words = words_of_offer(type="aggregated", offersAggregatedIds=rows)["Aggregated"]
    assert "offer 2 (open while its own record is)" in said(words)
    assert "offer 3 (its sales cap is exceeded; not for US)" in said(words)
    assert "Where none is open, clicks exit to offer 9." in said(words)


@pytest.mark.parametrize(("end", "now"), [("2099-01-01", "running"), ("2021-02-01", "outside its dates")])
def test_dates_tell_whether_they_are_over(end: str, now: str) -> None:
    setting = {"startDate": "2021-01-01", "endDate": end}
    words = words_of_offer(startEndDateSetup=True, startEndDateSetting=setting)["Dates"]
    assert (words.now, "from 2021-01-01 00:00:00 UTC" in said(words)) == (now, True)


def test_restricted_countries_exit() -> None:
    words = words_of_offer(countriesRestrictions="ru, CN")["Country restricted"]
    assert said(words) == "Visitors from CN and RU exit to offer 9."


def test_without_an_exit_offer_the_default_takes_over() -> None:
    words = words_of_offer(countriesRestrictions="CN", offerIdRedirectExitTraffic=None)["Country restricted"]
    assert "the default offer, for none is named" in said(words)


def test_an_offer_that_names_itself_leaves_its_clicks_to_the_default_offer() -> None:
    words = words_of_offer(countriesRestrictions="CN", offerIdRedirectExitTraffic=1)["Country restricted"]
    assert "exit to the default offer, for it names itself" in said(words)


def test_offer_caps_that_name_their_own_offer_lead_to_the_exit_offer() -> None:
    info = {"capsClicksOverLimit": True, "offerCapsOfferIdRedirect": 1}
    assert "exit to offer 9." in said(words_of_offer(capSetup=True, capInfo=info)["Offer caps"])


def test_offer_caps_tell_how_they_stand_and_where_clicks_go() -> None:
    info = {"capsClicksOverLimit": True, "offerCapsOfferIdRedirect": 5}
    detected = {"exitOfferDetected": {"offerId": 7}}
    words = words_of_offer(capSetup=True, capInfo=info, **detected)["Offer caps"]
    assert words.now == "over its limit"
    assert "exit to offer 5." in said(words)
    assert "not over its cap is offer 7." in said(words)


def test_caps_outside_their_dates_are_off() -> None:
    dates = {"dateRangeSetUp": True, "dateStart": "2021-01-01", "dateEnd": "2021-02-01"}
    words = words_of_campaign(capSetup=True, capInfo={"capsSalesOverLimit": True, **dates})["Campaign caps"]
    assert words.now == "caps are off: outside their dates"


def test_payouts_and_pages_are_listed_by_country() -> None:
    pages = json.dumps(
        {"customLPRules": [{"id": 1, "pos": 1, "country": "DE", "lpUrl": "https://de.example"}]}
    )
    payouts = json.dumps([{"geo": "US", "payIn": "5.50000000", "payOut": None}])
    words = words_of_offer(customLpRules=pages, customPayOutPerGeo=payouts)
    assert said(words["Custom landing page"]) == "DE: https://de.example"
    assert said(words["Payout per country"]) == "US: payin 5.5, the usual payout"


def test_target_rules_are_sentences() -> None:
    conditions = [{"dimension": "geo", "value": "US"}, {"dimension": "os", "value": "iOS"}]
    rule = {"include": True, "filterGroups": [{"conditions": conditions}]}
    sets = [{"rules": json.dumps({"redirectTo": 4, "rules": [rule]})}]
    assert said(words_of_campaign(targetRules=sets)["Target rules"]) == (
        "To offer 4 when country is us and os is ios."
    )


def test_what_keeps_every_click_away_comes_first() -> None:
    inactive = {"offerId": 1, "status": "inactive", "type": "regular"}
    assert "offer is inactive" in standing(parse_offer(inactive))
    assert "pending" in standing(parse_campaign({"campaignId": 1, "campaignStatus": "pending"}))
    assert "blacklisted" in standing(parse_campaign({"campaignId": 1, "affiliateStatus": "blacklisted"}))
    assert standing(parse_campaign({"campaignId": 1, "campaignStatus": "active"})) == ""


@pytest.mark.parametrize(
    ("title", "raw", "said_so"),
    [
        ("Aggregated", {"type": "aggregated", "offersAggregatedIds": 5}, "Its candidates cannot be read"),
        ("Dates", {"startEndDateSetup": 1, "startEndDateSetting": "soon"}, "Its dates cannot be read"),
        (
            "Country restricted",
            {"countriesRestrictions": "USA"},
            "The countries that it restricts cannot be read",
        ),
        ("Offer caps", {"capSetup": 1}, "Its caps cannot be read"),
    ],
)
def test_what_cannot_be_read_closes(title: str, raw: dict[str, Any], said_so: str) -> None:
    words = words_of_offer(**raw)[title]
    assert said(words) == f"{said_so}: every click exits to offer 9."
    assert (words.is_on, words.now) == (True, "closed")


def test_campaign_caps_that_cannot_be_read_close() -> None:
    words = words_of_campaign(capSetup="perhaps")["Campaign caps"]
    assert said(words) == "Its caps cannot be read: every click exits to the offer's exit offer."


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("pending", "Campaign 1 is pending: every click of this campaign finds nothing."),
        ("paused", "Campaign 1 has the unknown status 'paused': every click of this campaign finds nothing."),
        (None, "Campaign 1 has no status that can be read: every click of this campaign finds nothing."),
    ],
)
def test_a_campaign_that_is_not_active_says_what_it_is(status: object, words: str) -> None:
    assert standing(parse_campaign({"campaignId": 1, "campaignStatus": status})) == words
