"""From verdicts to decisions: which rule is asked first, where exits lead, and who is paid what."""

from typing import Any

import pytest

from offers import rules
from offers.routing.decision import Decision, Defaults, Step
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import decide
from offers.rules.common.rule import Rule
from offers.rules.common.verdict import ClickContext
from recipes.records.landing_page import compile_page
from recipes.records.records import Offer
from tests.offers.builders import campaign, context, finder, offer, target, visitor

DEFAULTS = Defaults(offer_id=100, campaign_id=100, page=compile_page("https://last.example/"))
DEFAULT_OFFER = offer(100, payin=1, payout=0.5)
RESTRICTED: dict[str, Any] = {"countriesRestrictions": "US"}
TO_AGGREGATED = "offerAggregatedExitTrafficToAggregatedOffer"


def decided(click: ClickContext, *offers: Offer, trace: list[Step] | None = None) -> Decision:
    find = finder(click.offer, *offers)
    return decide(click, find, RoundRobin().choose, DEFAULTS, trace)


def exit_target(click: ClickContext, *offers: Offer) -> int | None:
    found = decided(click, *offers).offer
    return found.offer_id if found else None


def amounts(decision: Decision) -> tuple[float, float]:
    return float(decision.payin), float(decision.payout)


def aggregated(offer_id: int, *candidates: int) -> Offer:
    rows = [{"aggregatedOfferId": candidate} for candidate in candidates]
    return offer(offer_id, type="aggregated", landingPageUrl=None, offersAggregatedIds=rows)


def test_without_rules_the_offer_keeps_the_click() -> None:
    decision = decided(context())
    assert decision.offer
    assert (decision.offer.offer_id, decision.origin, decision.redirect_type) == (
        1,
        None,
        "defaultRedirection",
    )


@pytest.mark.parametrize(
    ("own", "paid"), [(3, "3"), ("3.50000000", "3.5"), (0, "2"), ("0.00", "2"), (None, "2")]
)
def test_a_campaigns_payout_counts_when_it_is_more_than_zero(own: object, paid: str) -> None:
    assert str(decided(context(None, campaign(payout=own))).payout) == paid


ALL_RULES: list[tuple[Rule, dict[str, Any], dict[str, Any]]] = [
    (rules.AGGREGATED, {"type": "aggregated", "offersAggregatedIds": [{"aggregatedOfferId": 2}]}, {}),
    (rules.DATES, {"startEndDateSetup": 1, "startEndDateSetting": {"dateRangePass": False}}, {}),
    (rules.COUNTRY_RESTRICTION, RESTRICTED, {}),
    (rules.CUSTOM_PAGE, {"customLpRules": {"customLPRules": [{"country": "US", "lpUrl": "c.example"}]}}, {}),
    (rules.CAMPAIGN_CAPS, {}, {"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1}}),
    (rules.OFFER_CAPS, {"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1}}, {}),
    (rules.COUNTRY_PAYOUT, {"customPayOutPerGeo": [{"geo": "US", "payIn": 9}]}, {}),
    (rules.TARGET, {}, {"targetRules": target(("country", "US"), redirect_to=2)}),
]


@pytest.mark.parametrize("first", range(len(ALL_RULES)))
def test_the_first_rule_that_decides_ends_it(first: int) -> None:
    of_offer: dict[str, Any] = {"offerIdRedirectExitTraffic": 2}
    of_campaign: dict[str, Any] = {}
    for _, offer_fields, campaign_fields in ALL_RULES[first:]:
        of_offer |= offer_fields
        of_campaign |= campaign_fields
    trace: list[Step] = []
    decided(context(offer(**of_offer), campaign(**of_campaign)), offer(2), trace=trace)
    names = [rule.name for rule, _, _ in ALL_RULES]
    assert [step.rule for step in trace if step.rule in names] == names[: first + 1]


def test_an_exit_click_belongs_to_the_offer_that_takes_it() -> None:
    origin = offer(**RESTRICTED, offerIdRedirectExitTraffic=2)
    decision = decided(context(origin, campaign(payout=3)), offer(2, payin=7, payout=5))
    assert decision.offer
    assert (decision.offer.offer_id, *amounts(decision)) == (2, 7, 5)
    assert (decision.origin, decision.page.text) == (origin, "https://2.example/")


def test_the_taker_pays_by_country() -> None:
    origin = offer(**RESTRICTED, offerIdRedirectExitTraffic=2)
    decision = decided(context(origin), offer(2, payin=7, customPayOutPerGeo=[{"geo": "US", "payOut": 6}]))
    assert amounts(decision) == (7, 6)


@pytest.mark.parametrize(
    "named",
    [
        offer(3),
        offer(2, status="inactive"),
        offer(2, landingPageUrl=None),
        offer(2, landingPageUrl="javascript:alert(1)"),
        aggregated(2),
        aggregated(2, 77),
    ],
    ids=[
        "unknown",
        "inactive",
        "without a page",
        "with a bad page",
        "without candidates",
        "unknown candidate",
    ],
)
def test_an_exit_that_cannot_take_the_click_leaves_it_to_the_default_offer(named: Offer) -> None:
    origin = offer(**RESTRICTED, offerIdRedirectExitTraffic=2)
    assert exit_target(context(origin), named, DEFAULT_OFFER) == 100


def test_without_an_exit_offer_the_default_offer_takes_the_click() -> None:
    decision = decided(context(offer(**RESTRICTED)), DEFAULT_OFFER)
    assert (*amounts(decision), decision.is_default_page) == (1, 0.5, False)


def test_when_nobody_can_take_it_the_click_goes_to_the_page_of_last_resort() -> None:
    decision = decided(context(offer(**RESTRICTED)))
    assert (decision.offer, decision.page, decision.is_default_page) == (None, DEFAULTS.page, True)
    assert amounts(decision) == (0, 0)


def test_a_click_never_falls_back_to_the_offer_that_may_not_have_it() -> None:
    origin = offer(**RESTRICTED, offerIdRedirectExitTraffic=2)
    assert decided(context(origin)).page.text == "https://last.example/"


def test_an_offer_without_a_page_keeps_its_click_on_the_default_offers_page() -> None:
    decision = decided(context(offer(landingPageUrl=None)), DEFAULT_OFFER)
    assert decision.offer
    assert (decision.offer.offer_id, decision.page.text) == (1, "https://100.example/")


def test_an_aggregated_offer_takes_turns_among_its_candidates() -> None:
    click, round_robin = context(aggregated(1, 2, 3)), RoundRobin()
    find = finder(click.offer, offer(2), offer(3))
    takers = [decide(click, find, round_robin.choose, DEFAULTS).offer for _ in range(6)]
    assert [found.offer_id for found in takers if found] == [2, 3, 2, 3, 2, 3]


@pytest.mark.parametrize("status", ["inactive", "draft"])
def test_a_candidate_that_is_not_on_offer_is_not_picked(status: str) -> None:
    assert exit_target(context(aggregated(1, 2, 3)), offer(2, status=status), offer(3)) == 3


def test_an_exit_to_an_aggregated_offer_is_picked_among_its_candidates() -> None:
    origin = offer(**RESTRICTED, offerIdRedirectExitTraffic=2)
    decision = decided(context(origin), aggregated(2, 3), offer(3))
    assert decision.offer
    assert (decision.offer.offer_id, decision.redirect_type) == (3, TO_AGGREGATED)


def test_the_redirect_type_that_caps_name_outlives_an_aggregated_exit() -> None:
    caps = {"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1, "offerCapsOfferIdRedirect": 2}}
    decision = decided(context(offer(**caps, redirectType="named")), aggregated(2, 3), offer(3))
    assert decision.redirect_type == "named"


def test_aggregated_offers_that_lead_round_in_circles_end_at_the_default_offer() -> None:
    click = context(offer(**RESTRICTED, offerIdRedirectExitTraffic=2))
    assert exit_target(click, aggregated(2, 3), aggregated(3, 2), DEFAULT_OFFER) == 100


@pytest.mark.parametrize(("aggregated_offers", "takes_it"), [(9, 19), (10, 100)])
def test_a_chain_of_offers_is_followed_for_ten_hops(aggregated_offers: int, takes_it: int) -> None:
    click = context(offer(**RESTRICTED, offerIdRedirectExitTraffic=10))
    chain = [aggregated(10 + hop, 11 + hop) for hop in range(aggregated_offers)]
    assert exit_target(click, *chain, offer(10 + aggregated_offers), DEFAULT_OFFER) == takes_it


CHAIN: dict[str, Any] = {
    "offerIdRedirectExitTraffic": 2,
    "exitOffersNested": [{"offerId": 2}, {"offerId": 3}, {"offerId": 4}],
    "exitOfferDetected": {"offerId": 3},
}


@pytest.mark.parametrize("rule", [ALL_RULES[1], ALL_RULES[2], ALL_RULES[4], ALL_RULES[5]])
def test_the_detected_exit_offer_takes_clicks_of_the_exit_offer(
    rule: tuple[Rule, dict[str, Any], dict[str, Any]],
) -> None:
    decision = decided(context(offer(**CHAIN, **rule[1]), campaign(**rule[2])), offer(2), offer(3))
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (3, (1, 2, 3))


def test_a_target_rule_leaves_for_its_own_target_whatever_was_detected() -> None:
    click = context(offer(**CHAIN), campaign(targetRules=target(("country", "US"), redirect_to=2)))
    assert exit_target(click, offer(2), offer(3)) == 2


@pytest.mark.parametrize("detected", [[], None, {}, "junk"])
def test_without_a_detected_offer_the_exit_offer_takes_the_click(detected: object) -> None:
    click = context(offer(**(CHAIN | RESTRICTED | {"exitOfferDetected": detected})))
    assert exit_target(click, offer(2), offer(3)) == 2


def test_a_custom_page_keeps_the_replaced_one_as_origin() -> None:
    decision = decided(context(offer(**ALL_RULES[3][1], landingPageId=50)))
    assert decision.replaced_page
    assert (decision.replaced_page.text, decision.replaced_page_id) == ("https://1.example/", 50)
    assert (decision.page.text, decision.origin) == ("c.example", None)


def test_a_trace_tells_every_rule_and_every_exit() -> None:
    trace: list[Step] = []
    decided(context(offer(**RESTRICTED, offerIdRedirectExitTraffic=2)), DEFAULT_OFFER, trace=trace)
    assert [(step.rule, step.message, step.decided) for step in trace[-3:]] == [
        ("country restriction", "offerGeoRestriction: US is restricted", True),
        ("exit", "offer 2 is unknown", False),
        ("default offer", "offer 100 takes the click", True),
    ]


def test_a_trace_tells_of_the_detected_exit_offer_and_its_chain() -> None:
    trace: list[Step] = []
    decided(context(offer(**(CHAIN | RESTRICTED))), offer(3), trace=trace)
    assert [step.rule for step in trace[-2:]] == ["detected exit", "exit"]
    assert trace[-2].inputs == {"exitOfferId": 2, "chain": [1, 2, 3]}


def test_an_unknown_country_is_not_restricted() -> None:
    assert (
        exit_target(context(offer(**RESTRICTED, offerIdRedirectExitTraffic=2), None, visitor(None)), offer(2))
        == 1
    )
