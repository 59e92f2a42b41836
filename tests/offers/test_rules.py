"""Every rule by itself: each way it decides, and each way it passes."""

from typing import Any

import pytest
from msgspec.structs import replace

from offers import rules
from offers.rules.common.rule import Rule
from offers.rules.common.verdict import ClickContext, Exit, Passed, Pick, Stay
from tests.offers.builders import NOW_MS, campaign, context, offer, target, visitor

CUSTOM = {
    "customLpRules": '{"customLPRules": [{"id": 5, "pos": 1, "country": "us", "lpUrl": "https://us.example/"}]}'
}
PAYOUT = {"customPayOutPerGeo": '[{"geo": "US", "payIn": "9.50", "payOut": "3.00"}]'}
PAST = {"startDate": "2020-01-01T00:00:00.000Z", "endDate": "2021-01-01T00:00:00.000Z"}
PRESENT = {"startDate": "2020-01-01T00:00:00.000Z", "endDate": "2099-01-01T00:00:00.000Z"}

DECIDING: dict[Rule, ClickContext] = {
    rules.AGGREGATED: context(offer(type="aggregated", offersAggregatedIds=[{"aggregatedOfferId": 2}])),
    rules.DATES: context(offer(startEndDateSetup=True, startEndDateSetting=PAST)),
    rules.COUNTRY_RESTRICTION: context(offer(countriesRestrictions="CN, us")),
    rules.CUSTOM_PAGE: context(offer(**CUSTOM)),
    rules.CAMPAIGN_CAPS: context(None, campaign(capSetup=1, capInfo={"capsClicksOverLimit": True})),
    rules.OFFER_CAPS: context(offer(capSetup="1", capInfo={"capsSalesOverLimit": 1})),
    rules.COUNTRY_PAYOUT: context(offer(**PAYOUT)),
    rules.TARGET: context(None, campaign(targetRules=target(("country", "US")))),
    rules.DEFAULT: context(),
}


def why(rule: Rule, click: ClickContext) -> str:
    answer = rule.decide(click)
    assert isinstance(answer, Passed)
    return answer.why


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_case_that_it_decides(rule: Rule) -> None:
    assert not isinstance(rule.decide(DECIDING[rule]), Passed)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.name)
def test_every_rule_tells_what_it_looks_at_whatever_the_click(rule: Rule) -> None:
    for click in DECIDING.values():
        assert isinstance(rule.inputs(click), dict)


@pytest.mark.parametrize("rule", [rule for rule in rules.RULES if rule is not rules.DEFAULT])
def test_no_rule_but_the_default_decides_a_click_without_rules(rule: Rule) -> None:
    assert isinstance(rule.decide(context()), Passed)


def test_without_open_candidates_an_aggregated_offer_leaves_for_its_exit_offer() -> None:
    pick = rules.AGGREGATED.decide(context(offer(type="aggregated", offerIdRedirectExitTraffic=8)))
    assert isinstance(pick, Pick)
    assert pick.otherwise.offer_id == 8


UNREADABLE = [
    (rules.AGGREGATED, "candidates", "offerAggregatedExitTrafficToRegularOffer"),
    (rules.DATES, "dates", "offerStartEndDateRangeNotPass"),
    (rules.COUNTRY_RESTRICTION, "countries", "offerGeoRestriction"),
    (rules.OFFER_CAPS, "caps", "capsOfferOverLimit"),
]


@pytest.mark.parametrize(("rule", "part", "redirect_type"), UNREADABLE)
def test_what_restricts_an_offer_and_cannot_be_read_decides(
    rule: Rule, part: str, redirect_type: str
) -> None:
    raw = {"type": "aggregated"} if rule is rules.AGGREGATED else {}
    the_offer = replace(offer(offerIdRedirectExitTraffic=8, **raw), unreadable=frozenset({part}))
    verdict = rule.decide(context(the_offer, None, visitor(None)))
    assert isinstance(verdict, Exit)
    assert (verdict.redirect_type, verdict.offer_id) == (redirect_type, 8)
    assert "cannot be read" in verdict.reason


def test_campaign_caps_that_cannot_be_read_count_as_over_the_limit() -> None:
    the_campaign = replace(campaign(), unreadable=frozenset({"caps"}))
    verdict = rules.CAMPAIGN_CAPS.decide(context(offer(offerIdRedirectExitTraffic=8), the_campaign))
    assert isinstance(verdict, Exit)
    assert (verdict.redirect_type, verdict.offer_id) == ("capsCampaignOverLimit", 8)
    assert "cannot be read" in verdict.reason


@pytest.mark.parametrize("rule", [rules.CUSTOM_PAGE, rules.COUNTRY_PAYOUT, rules.TARGET])
def test_a_rule_that_restricts_nobody_does_not_close(rule: Rule) -> None:
    everything = frozenset({"candidates", "dates", "countries", "caps"})
    assert isinstance(rule.decide(context(replace(offer(), unreadable=everything))), Passed)


@pytest.mark.parametrize(
    ("setting", "passes"),
    [
        (PRESENT, True),
        (PRESENT | {"dateRangePass": False}, True),
        (PAST | {"dateRangePass": True}, False),
        ({"dateRangePass": "false"}, False),
        ({"dateRangePass": 1}, True),
        ({"startDate": "2020-01-01", "dateRangePass": "0"}, False),
        ({}, False),
    ],
)
def test_our_clock_decides_dates_and_the_frozen_verdict_only_without_them(
    setting: dict[str, Any], passes: bool
) -> None:
    click = context(offer(startEndDateSetup=1, startEndDateSetting=setting))
    assert isinstance(rules.DATES.decide(click), Passed) is passes


def test_dates_without_their_setup_are_off() -> None:
    assert "no start and end" in why(rules.DATES, context(offer(useStartEndDate=1, startEndDateSetting=PAST)))


@pytest.mark.parametrize("listed", ["FR,USA", "GB,FR", "FR,U", ""])
def test_country_codes_are_compared_whole(listed: str) -> None:
    assert why(rules.COUNTRY_RESTRICTION, context(offer(countriesRestrictions=listed)))


@pytest.mark.parametrize("rule", [rules.COUNTRY_RESTRICTION, rules.CUSTOM_PAGE, rules.COUNTRY_PAYOUT])
def test_an_unknown_country_equals_nothing(rule: Rule) -> None:
    the_offer = offer(
        countriesRestrictions="FR,null,None,",
        customLpRules='{"customLPRules": [{"country": "null", "lpUrl": "https://x.example/"}]}',
        customPayOutPerGeo='[{"geo": "null", "payIn": 1}]',
    )
    assert isinstance(rule.decide(context(the_offer, None, visitor(None))), Passed)


def test_of_custom_pages_the_lowest_pos_wins() -> None:
    rows = [
        {"pos": 2, "country": "US", "lpUrl": "https://second.example/"},
        {"pos": "1", "country": "US", "lpUrl": "https://first.example/"},
        {"pos": 0, "country": "US", "lpUrl": ""},
    ]
    stay = rules.CUSTOM_PAGE.decide(context(offer(customLpRules={"customLPRules": rows})))
    assert isinstance(stay, Stay)
    assert stay.page
    assert stay.page.text == "https://first.example/"


def caps(**info: Any) -> dict[str, Any]:
    return {"capSetup": True, "capInfo": info}


def test_an_over_limit_campaign_leaves_for_the_exit_offer() -> None:
    over = campaign(**caps(capsSalesOverLimit=True, capsClicksUnderLimit=True, campaignCapsOfferIdRedirect=3))
    verdict = rules.CAMPAIGN_CAPS.decide(context(offer(offerIdRedirectExitTraffic=8), over))
    assert isinstance(verdict, Exit)
    assert (verdict.redirect_type, verdict.offer_id, verdict.nested) == ("capsCampaignOverLimit", 8, True)


def test_an_under_limit_campaign_leaves_for_the_offer_that_its_caps_name() -> None:
    under = campaign(**caps(capsClicksUnderLimit=True, campaignCapsOfferIdRedirect="3"))
    verdict = rules.CAMPAIGN_CAPS.decide(context(None, under))
    assert isinstance(verdict, Exit)
    assert (verdict.redirect_type, verdict.offer_id, verdict.nested) == ("capsCampaignUnderLimit", 3, False)


def test_an_under_limit_campaign_whose_caps_name_no_offer_is_not_decided() -> None:
    click = context(None, campaign(**caps(capsClicksUnderLimit=True, campaignCapsOfferIdRedirect=0)))
    assert "name no offer" in why(rules.CAMPAIGN_CAPS, click)


@pytest.mark.parametrize("rule", [rules.CAMPAIGN_CAPS, rules.OFFER_CAPS])
def test_caps_outside_their_dates_are_off_and_noted(rule: Rule) -> None:
    info = {"dateRangeSetUp": True, "dateRangePass": False, "capsClicksOverLimit": True}
    answer = rule.decide(context(offer(**caps(**info)), campaign(**caps(**info))))
    assert isinstance(answer, Passed)
    assert "outside their dates" in answer.why
    assert answer.caps_type


@pytest.mark.parametrize(
    ("rule", "info", "caps_type"),
    [
        (rules.CAMPAIGN_CAPS, {"capsClicksOverLimit": 1, "capsSalesUnderLimit": 1}, "capsCampaignOverLimit"),
        (rules.CAMPAIGN_CAPS, {"capsSalesOverLimit": 1, "capsClicksUnderLimit": 1}, "capsCampaignOverLimit"),
        (rules.CAMPAIGN_CAPS, {"capsClicksUnderLimit": 1}, "capsCampaignUnderLimit"),
        (rules.OFFER_CAPS, {"capsClicksOverLimit": 1, "capsSalesUnderLimit": 1}, "capsOfferOverLimit"),
        (rules.OFFER_CAPS, {"capsClicksUnderLimit": 1}, "offerUnderLimit"),
    ],
)
def test_the_caps_type_agrees_with_the_redirect_type(
    rule: Rule, info: dict[str, Any], caps_type: str
) -> None:
    named = "campaignUnderLimitSales" if rule is rules.CAMPAIGN_CAPS else "offerUnderLimit"
    record = caps(**info, capsType=named, campaignCapsOfferIdRedirect=3)
    verdict = rule.decide(context(offer(**record), campaign(**record)))
    assert isinstance(verdict, Exit | Stay)
    assert verdict.caps_type == caps_type


def test_the_file_s_caps_type_is_kept_where_it_agrees() -> None:
    over = offer(**caps(capsClicksOverLimit=1, capsType="offerOverLimitClicks"))
    verdict = rules.OFFER_CAPS.decide(context(over))
    assert isinstance(verdict, Exit)
    assert verdict.caps_type == "offerOverLimitClicks"


def test_an_over_limit_offer_leaves_by_what_its_record_says() -> None:
    info = caps(capsClicksOverLimit=True, offerCapsOfferIdRedirect=3)
    verdict = rules.OFFER_CAPS.decide(context(offer(**info, redirectType="named", redirectReason="so")))
    assert isinstance(verdict, Exit)
    assert (verdict.redirect_type, verdict.reason, verdict.offer_id) == ("named", "so", 3)


def test_an_over_limit_offer_whose_caps_name_none_leaves_for_the_exit_offer() -> None:
    verdict = rules.OFFER_CAPS.decide(
        context(offer(**caps(capsClicksOverLimit=True), offerIdRedirectExitTraffic=8))
    )
    assert isinstance(verdict, Exit)
    assert (verdict.redirect_type, verdict.offer_id, verdict.nested) == ("capsOfferOverLimit", 8, True)


def test_an_under_limit_offer_stays_and_pays_by_country() -> None:
    verdict = rules.OFFER_CAPS.decide(context(offer(**caps(capsClicksUnderLimit=True), **PAYOUT)))
    assert isinstance(verdict, Stay)
    assert (verdict.redirect_type, str(verdict.payin)) == ("capsOfferUnderLimit", "9.5")


def test_a_missing_amount_of_a_country_leaves_the_old_one() -> None:
    verdict = rules.COUNTRY_PAYOUT.decide(context(offer(customPayOutPerGeo=[{"geo": "US", "payOut": 1}])))
    assert isinstance(verdict, Stay)
    assert (verdict.payin, str(verdict.payout)) == (None, "1")


TARGET_CASES = [
    (target(("country", "us")), True),
    (target(("geo", "US")), True),
    (target(("country", "FR"), ("country", "US")), True),
    (target(("country", "US"), ("browser", "firefox")), False),
    (target(("country", "US"), ("browser", "CHROME")), True),
    (target(("country", "US"), include=False), False),
    (target(("country", "FR"), ("country", "DE"), include=False), True),
    (target(("city", "Paris"), include=False), False),
    (target(("affiliateId", 7)), True),
    (target(("affiliateId", "7")), True),
    (target(("offerId", "1")), True),
    (target(("subCampaign", "s1")), True),
    (target(("cid", "c1"), include=False), False),
    (target(("region", "tx"), ("isp", "example isp a"), ("os", "windows")), True),
    (target(("deviceType", "desktop"), ("platform", "windows")), True),
    (target(("colour", "red")), False),
    (target(("country", "US"), ("colour", "red")), False),
    (target(("country", "")), False),
    ([{"rules": "not JSON"}], False),
    ([{"rules": '{"redirectTo": 9, "rules": [{"include": true}]}'}], False),
    ([{"rules": {"rules": []}}, *target(("country", "US"))], True),
]


@pytest.mark.parametrize(("target_rules", "decides"), TARGET_CASES)
def test_target_rules(target_rules: list[dict[str, Any]], decides: bool) -> None:
    click = context(None, campaign(targetRules=target_rules), sub_campaign="S1", cid="C1")
    assert isinstance(rules.TARGET.decide(click), Exit) is decides


def test_a_target_rule_without_a_target_leaves_for_the_exit_offer() -> None:
    click = context(
        offer(offerIdRedirectExitTraffic=8), campaign(targetRules=target(("country", "US"), redirect_to=0))
    )
    verdict = rules.TARGET.decide(click)
    assert isinstance(verdict, Exit)
    assert verdict.offer_id == 8


def test_an_unknown_device_type_is_none_of_the_listed_ones_only_when_it_is_known() -> None:
    not_on_tv = campaign(targetRules=target(("deviceType", "tv"), include=False))
    click = context(None, not_on_tv, visitor(device_type="unknown"), now_ms=NOW_MS)
    assert why(rules.TARGET, click) == "no target rule fits"
