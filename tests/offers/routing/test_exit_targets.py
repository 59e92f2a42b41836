"""Where clicks end that leave their offer: the chain of exit offers, and how far it leads."""

from typing import Any

import pytest
from msgspec.structs import replace

from offers.routing.decision import Step
from recipes.records.records import Offer
from tests.offers.builders import campaign, context, offer, target
from tests.offers.routing.exits import (
    LAST,
    OVER,
    PAST,
    RESTRICTED,
    best,
    dated,
    decided,
    exit_target,
    leaving,
    over,
)


def chain_of(offers: int) -> list[Offer]:
    """Offers from number 2 on, each over its cap and with the next as exit offer."""
    return [over(2 + place, 3 + place) for place in range(offers)]


def test_an_exit_offer_over_its_own_cap_passes_the_click_on() -> None:
    decision = decided(leaving(2), over(2, 3), over(3, 4), offer(4, payin=9, payout=7))
    assert decision.offer
    assert (decision.offer.offer_id, float(decision.payin), float(decision.payout)) == (4, 9, 7)
    assert (decision.redirect_type, decision.nested_steps) == ("offerGeoRestriction", (1, 2, 3, 4))


def test_an_exit_offer_whose_caps_are_outside_their_dates_keeps_the_click() -> None:
    off = {"capsClicksOverLimit": 1, "dateRangeSetUp": 1, "dateRangePass": False}
    decision = decided(leaving(2), over(2, 3, capInfo=off), offer(3))
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (2, ())


def test_an_exit_offer_whose_caps_cannot_be_read_counts_as_over_its_cap() -> None:
    closed = replace(offer(2, offerIdRedirectExitTraffic=3), unreadable=frozenset({"caps"}))
    assert exit_target(leaving(2), closed, offer(3)) == 3


@pytest.mark.parametrize("last", [0, None, 2, 3, 1], ids=["none", "null", "first", "itself", "origin"])
def test_where_all_along_a_chain_are_over_their_caps_the_first_one_named_takes_the_click(
    last: int | None,
) -> None:
    chain = (over(2, 3), offer(3, offerIdRedirectExitTraffic=last, **OVER))
    decision = decided(leaving(2), *chain, DEFAULT)
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (2, ())


DEFAULT = offer(100)


@pytest.mark.parametrize(("offers", "takes_it"), [(9, 11), (10, 2)])
def test_a_chain_is_followed_for_ten_hops(offers: int, takes_it: int) -> None:
    assert exit_target(leaving(2), *chain_of(offers), offer(2 + offers), DEFAULT) == takes_it


@pytest.mark.parametrize(
    "broken", [offer(77), offer(3, status="inactive"), offer(3, landingPageUrl=""), best(offer_id=3)]
)
def test_a_chain_that_leads_to_an_offer_that_can_take_nothing_ends_at_the_default_offer(
    broken: Offer,
) -> None:
    assert exit_target(leaving(2), over(2, 3), broken, DEFAULT) == 100


def test_an_exit_offer_that_can_take_nothing_is_not_asked_of_its_cap() -> None:
    assert exit_target(leaving(2), over(2, 3, landingPageUrl=""), offer(3), DEFAULT) == 100


def test_a_chain_leads_into_aggregated_offers() -> None:
    decision = decided(leaving(2), over(2, 3), best(4, 5, offer_id=3), offer(4, **OVER), offer(5))
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (5, (1, 2, 3))
    assert decision.redirect_type == "offerAggregatedExitTrafficToAggregatedOffer"


def test_an_aggregated_exit_offer_over_its_own_cap_passes_the_click_on() -> None:
    capped = best(3, offer_id=2, offerIdRedirectExitTraffic=4, **OVER)
    assert exit_target(leaving(2), capped, offer(3), offer(4)) == 4


@pytest.mark.parametrize(
    ("of_offer", "of_campaign"),
    [
        ({}, {"targetRules": target(("country", "US"), redirect_to=2)}),
        (
            {},
            {"capSetup": 1, "capInfo": {"capsClicksUnderLimit": 1, "campaignCapsOfferIdRedirect": 2}},
        ),
        ({"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1, "offerCapsOfferIdRedirect": 2}}, {}),
        ({"type": "aggregated", "offerIdRedirectExitTraffic": 2}, {}),
    ],
    ids=["target rules", "campaign under its cap", "offer over its cap", "no candidate"],
)
def test_every_exit_ends_where_there_is_room(of_offer: dict[str, Any], of_campaign: dict[str, Any]) -> None:
    decision = decided(context(offer(**of_offer), campaign(**of_campaign)), over(2, 3), offer(3))
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (3, (1, 2, 3))


def test_a_detected_exit_offer_that_is_over_its_cap_by_now_passes_the_click_on() -> None:
    detected = {"exitOffersNested": [{"offerId": 2}, {"offerId": 3}], "exitOfferDetected": {"offerId": 3}}
    decision = decided(leaving(2, **detected), over(2, 3), over(3, 4), offer(4))
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (4, (1, 2, 3, 4))


def test_a_chain_that_the_file_does_not_know_to_its_end_is_followed_by_the_live_records() -> None:
    left_out = {"exitOffersNested": [{"offerId": 2}], "exitOfferDetected": []}
    assert exit_target(leaving(2, **left_out), over(2, 3), offer(3)) == 3


def test_a_default_offer_over_its_own_cap_passes_the_click_on() -> None:
    assert exit_target(leaving(0), over(100, 3), offer(3)) == 3


def test_a_chain_never_leads_back_to_the_offer_that_the_click_left() -> None:
    assert exit_target(leaving(2), over(2, 1), DEFAULT) == 2


def test_a_detected_exit_offer_that_is_the_one_left_is_passed_over() -> None:
    detected = {"exitOffersNested": [{"offerId": 2}, {"offerId": 1}], "exitOfferDetected": {"offerId": 1}}
    decision = decided(leaving(2, **detected), over(2, 1))
    assert decision.offer
    assert (decision.offer.offer_id, decision.nested_steps) == (2, ())


def test_an_aggregated_exit_offer_does_not_pick_the_offer_that_was_left() -> None:
    capped = context(offer(offerIdRedirectExitTraffic=5), campaign(**OVER))
    trace: list[Step] = []
    decision = decided(capped, best(1, 2, offer_id=5), offer(2), trace=trace)
    assert decision.offer
    assert decision.offer.offer_id == 2
    seen = [step.inputs["candidates"] for step in trace if step.rule == "pick"]
    assert seen == [{"1": "the click leaves it", "2": "open"}]
    assert exit_target(capped, best(1, offer_id=5), offer(100)) == 100


CLOSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "country": (RESTRICTED, {}, "offerGeoRestriction"),
    "dates": (dated(PAST, frozen=False), {}, "offerStartEndDateRangeNotPass"),
    "campaign caps": ({}, OVER, "capsCampaignOverLimit"),
    "offer caps": (OVER, {}, "capsOfferOverLimit"),
    "candidates": ({"type": "aggregated"}, {}, "offerAggregatedExitTrafficToRegularOffer"),
}


@pytest.mark.parametrize(("of_offer", "of_campaign", "kind"), CLOSED.values(), ids=CLOSED)
def test_a_closed_offer_that_names_itself_as_its_exit_leaves_the_click_to_the_default_offer(
    of_offer: dict[str, Any], of_campaign: dict[str, Any], kind: str
) -> None:
    click = context(offer(offerIdRedirectExitTraffic=1, **of_offer), campaign(**of_campaign))
    decision = decided(click, DEFAULT)
    assert decision.offer
    assert (decision.offer.offer_id, decision.redirect_type, decision.nested_steps) == (100, kind, ())
    assert not decision.is_default_page


def test_a_closed_offer_that_names_itself_does_not_take_the_click_where_nobody_else_can() -> None:
    decision = decided(leaving(1))
    assert (decision.offer, decision.page.text, decision.is_default_page) == (None, LAST, True)


def test_a_closed_offer_that_names_itself_gives_way_to_the_detected_exit_offer() -> None:
    assert exit_target(leaving(1, exitOfferDetected={"offerId": 3}), offer(3), DEFAULT) == 3


OVER_NAMES_ITSELF = {"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1, "offerCapsOfferIdRedirect": 1}}


@pytest.mark.parametrize(("exit_to", "takes_it"), [(0, 100), (1, 100), (2, 2)])
def test_caps_that_name_the_offer_which_they_close_name_nobody(exit_to: int, takes_it: int) -> None:
    click = context(offer(offerIdRedirectExitTraffic=exit_to, **OVER_NAMES_ITSELF))
    assert exit_target(click, offer(2), DEFAULT) == takes_it


def test_an_offer_that_live_counts_have_closed_does_not_open_as_its_own_exit() -> None:
    info = {"capsClicksUnderLimit": 1, "offerCapsOfferIdRedirect": 1}
    counted = offer(offerIdRedirectExitTraffic=1, capSetup=1, capInfo=info)
    assert counted.caps
    full = replace(counted.caps, over_limit=True, under_limit=False, closed_by="5 of 5 clicks today")
    assert exit_target(context(counted), DEFAULT) == 1
    assert exit_target(context(replace(counted, caps=full)), DEFAULT) == 100


def test_the_offer_that_may_not_have_a_click_does_not_take_it_as_the_default_offer() -> None:
    decision = decided(context(offer(100, **RESTRICTED)))
    assert (decision.offer, decision.page.text) == (None, LAST)


def test_a_target_rule_may_name_its_own_offer() -> None:
    click = context(None, campaign(targetRules=target(("country", "US"), redirect_to=1)))
    assert exit_target(click, DEFAULT) == 1


def test_a_campaign_under_its_cap_may_name_its_own_offer() -> None:
    under = {"capSetup": 1, "capInfo": {"capsClicksUnderLimit": 1, "campaignCapsOfferIdRedirect": 1}}
    assert exit_target(context(None, campaign(**under)), DEFAULT) == 1


def test_a_trace_tells_of_an_offer_that_names_itself() -> None:
    trace: list[Step] = []
    decided(leaving(1), DEFAULT, trace=trace)
    assert [(step.rule, step.message, step.decided) for step in trace[-2:]] == [
        ("exit", "offer 1 names itself, and may not have the click", False),
        ("default offer", "offer 100 takes the click", True),
    ]
    assert trace[-2].inputs == {"offerId": 1}


def test_a_trace_tells_the_chain() -> None:
    trace: list[Step] = []
    decided(leaving(2), over(2, 3), offer(3), trace=trace)
    assert [(step.rule, step.message, step.decided) for step in trace[-2:]] == [
        ("exit chain", "the exit chain leads on to offer 3", True),
        ("exit", "offer 3 takes the click", True),
    ]
    assert trace[-2].inputs == {"chain": [2, 3]}


def test_a_trace_tells_where_nobody_along_the_chain_has_room() -> None:
    trace: list[Step] = []
    decided(leaving(2), over(2, 3), over(3, 0), trace=trace)
    assert (trace[-2].rule, trace[-2].decided) == ("exit chain", False)
    assert "the first one named, 2, takes it" in trace[-2].message
