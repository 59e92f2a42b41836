"""Where clicks end that leave their offer: which candidates are open, and how far exit chains lead."""

from typing import Any

import pytest
from msgspec.structs import replace

from offers.catalog.record_cache import CacheMiss
from offers.routing.exit_targets import Step, open_candidates
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import Decision, Defaults, decide
from offers.rules.common.verdict import ClickContext
from recipes.records.kinds import RecipeKind
from recipes.records.landing_page import compile_page
from recipes.records.records import Offer
from tests.offers.builders import campaign, context, finder, offer, target, visitor

DEFAULTS = Defaults(offer_id=100, campaign_id=100, page=compile_page("https://last.example/"))
LAST = "https://last.example/"
RESTRICTED: dict[str, Any] = {"countriesRestrictions": "US"}
OVER: dict[str, Any] = {"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1}}
PAST = {"startDate": "2020-01-01T00:00:00.000Z", "endDate": "2021-01-01T00:00:00.000Z"}
PRESENT = {"startDate": "2020-01-01T00:00:00.000Z", "endDate": "2099-01-01T00:00:00.000Z"}


def best(*rows: int | dict[str, Any], offer_id: int = 1, **raw: Any) -> Offer:
    listed = [{"aggregatedOfferId": row} if isinstance(row, int) else row for row in rows]
    return offer(offer_id, type="aggregated", landingPageUrl=None, offersAggregatedIds=listed, **raw)


def dated(setting: dict[str, Any], frozen: bool) -> dict[str, Any]:
    return {"startEndDateSetup": 1, "startEndDateSetting": setting | {"dateRangePass": frozen}}


def over(offer_id: int, exit_to: int, **raw: Any) -> Offer:
    return offer(offer_id, offerIdRedirectExitTraffic=exit_to, **(OVER | raw))


def leaving(exit_to: int, **raw: Any) -> ClickContext:
    """A click that its offer, number 1, may not have."""
    return context(offer(**(RESTRICTED | {"offerIdRedirectExitTraffic": exit_to} | raw)))


def decided(click: ClickContext, *offers: Offer, trace: list[Step] | None = None) -> Decision:
    return decide(click, finder(click.offer, *offers), RoundRobin().choose, DEFAULTS, trace)


def exit_target(click: ClickContext, *offers: Offer) -> int | None:
    found = decided(click, *offers).offer
    return found.offer_id if found else None


def chain_of(offers: int) -> list[Offer]:
    """Offers from number 2 on, each over its cap and with the next as exit offer."""
    return [over(2 + place, 3 + place) for place in range(offers)]


@pytest.mark.parametrize(
    ("raw", "is_open"),
    [
        ({}, True),
        ({"status": "draft"}, False),
        ({"status": "inactive"}, False),
        ({"status": "private"}, True),
        ({"landingPageUrl": None}, False),
        ({"landingPageUrl": "javascript:alert(1)"}, False),
        (RESTRICTED, False),
        ({"countriesRestrictions": "FR"}, True),
        (dated(PAST, frozen=True), False),
        (dated(PRESENT, frozen=False), True),
        (OVER, False),
        ({"capSetup": 1, "capInfo": {"capsSalesOverLimit": 1, "capsClicksUnderLimit": 1}}, False),
        ({"capSetup": 0, "capInfo": {"capsClicksOverLimit": 1}}, True),
        ({"capSetup": 1, "capInfo": {"capsClicksUnderLimit": 1}}, True),
    ],
)
def test_a_candidate_is_open_when_its_own_record_says_so(raw: dict[str, Any], is_open: bool) -> None:
    click = context(best(2))
    assert open_candidates(click.offer, click, finder(offer(2, **raw))) == ((2,) if is_open else ())


def test_a_candidate_whose_caps_are_outside_their_dates_is_open() -> None:
    info = {"capsClicksOverLimit": 1, "dateRangeSetUp": 1, "dateRangePass": False}
    click = context(best(2))
    assert open_candidates(click.offer, click, finder(offer(2, capSetup=1, capInfo=info))) == (2,)


@pytest.mark.parametrize("part", ["countries", "dates", "caps", "candidates"])
def test_a_candidate_whose_record_cannot_be_read_is_closed(part: str) -> None:
    click = context(best(2))
    record = replace(offer(2), unreadable=frozenset({part}))
    assert open_candidates(click.offer, click, finder(record)) == ()


@pytest.mark.parametrize(
    ("row", "is_open"),
    [
        ({"capsOverLimitSales": True}, False),
        ({"capsOverLimitClicks": "1"}, False),
        ({"capsOverLimitClicks": "0"}, True),
        ({"countriesRestrictions": "FR,us"}, False),
        ({"countriesRestrictions": "FR"}, True),
        ({"dateRangeNotPass": True}, True),
        ({"dateRangeNotPass": False}, True),
    ],
)
def test_a_row_closes_its_candidate_too_but_not_by_its_dates(row: dict[str, Any], is_open: bool) -> None:
    click = context(best({"aggregatedOfferId": 2} | row))
    assert open_candidates(click.offer, click, finder(offer(2))) == ((2,) if is_open else ())


@pytest.mark.parametrize("flag", [None, True, False])
def test_the_running_candidate_takes_clicks_and_the_ended_one_none_whatever_the_row_says(
    flag: bool | None,
) -> None:
    rows = [{"aggregatedOfferId": one, "margin": 2.25, "dateRangeNotPass": flag} for one in (2, 3)]
    running, ended = offer(2, **dated(PRESENT, frozen=True)), offer(3, **dated(PAST, frozen=False))
    click, round_robin = context(best(*rows)), RoundRobin()
    find = finder(click.offer, running, ended)
    takers = [decide(click, find, round_robin.choose, DEFAULTS).offer for _ in range(4)]
    assert [found.offer_id for found in takers if found] == [2, 2, 2, 2]


def test_an_aggregated_candidate_needs_no_page_of_its_own() -> None:
    assert exit_target(context(best(2)), best(3, offer_id=2), offer(3)) == 3


def test_an_aggregated_candidate_is_asked_of_its_own_dates() -> None:
    ended = best(3, offer_id=2, **dated(PAST, frozen=True))
    assert exit_target(context(best(2, 4)), ended, offer(3), offer(4)) == 4


def test_a_candidate_that_two_rows_name_has_one_share() -> None:
    click = context(best({"aggregatedOfferId": 2, "capsOverLimitSales": 1}, 2, 3, 2))
    assert open_candidates(click.offer, click, finder(offer(2), offer(3))) == (2, 3)


def test_the_reason_counts_the_candidates_that_are_open() -> None:
    decision = decided(context(best(2, 3, 4)), offer(2), offer(3, **OVER))
    assert decision.redirect_reason == "offerAggregatedBestOffer: 1 of 3 candidates are open"


def test_candidates_that_are_not_at_hand_are_asked_for_at_once() -> None:
    def find(offer_id: int) -> Offer | None:
        raise CacheMiss((RecipeKind.OFFERS, offer_id))

    click = context(best(2, 3, {"aggregatedOfferId": 4, "capsOverLimitSales": 1}, 5))
    with pytest.raises(CacheMiss) as missing:
        open_candidates(click.offer, click, find)
    assert [record_id for _, record_id in missing.value.wanted] == [2, 3, 5]


def test_a_trace_tells_of_each_candidate_why_it_is_closed() -> None:
    trace: list[Step] = []
    rows = (3, 4, {"aggregatedOfferId": 5, "capsOverLimitSales": 1}, 6, 7, 8)
    others = (offer(3), offer(6, **RESTRICTED), offer(7, **OVER), offer(8, landingPageUrl=""))
    decided(leaving(2), best(*rows, offer_id=2), *others, trace=trace)
    assert [(step.rule, step.said) for step in trace[-2:]] == [
        ("pick", "offer 3 has its turn"),
        ("exit", "offer 3 takes the click"),
    ]
    assert trace[-2].looked_at["candidates"] == {
        "3": "open",
        "4": "its offer is unknown",
        "5": "its sales cap is exceeded",
        "6": "it restricts US",
        "7": "it is over its cap",
        "8": "it has no landing page",
    }


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


def test_an_offer_that_names_itself_as_its_exit_keeps_the_click() -> None:
    decision = decided(leaving(1), DEFAULT)
    assert decision.offer
    assert (decision.offer.offer_id, decision.redirect_type) == (1, "offerGeoRestriction")


def test_the_offer_that_may_not_have_a_click_does_not_take_it_as_the_default_offer() -> None:
    decision = decided(context(offer(100, **RESTRICTED)))
    assert (decision.offer, decision.page.text) == (None, LAST)


def test_a_target_rule_may_name_its_own_offer() -> None:
    click = context(None, campaign(targetRules=target(("country", "US"), redirect_to=1)))
    assert exit_target(click, DEFAULT) == 1


def test_a_trace_tells_the_chain() -> None:
    trace: list[Step] = []
    decided(leaving(2), over(2, 3), offer(3), trace=trace)
    assert [(step.rule, step.said, step.decided) for step in trace[-2:]] == [
        ("exit chain", "the exit chain leads on to offer 3", True),
        ("exit", "offer 3 takes the click", True),
    ]
    assert trace[-2].looked_at == {"chain": [2, 3]}


def test_a_trace_tells_where_nobody_along_the_chain_has_room() -> None:
    trace: list[Step] = []
    decided(leaving(2), over(2, 3), over(3, 0), trace=trace)
    assert (trace[-2].rule, trace[-2].decided) == ("exit chain", False)
    assert "the first one named, 2, takes it" in trace[-2].said


def test_a_candidate_that_restricts_no_country_is_open_to_a_visitor_from_nowhere() -> None:
    click = context(best(2), None, visitor(None))
    assert open_candidates(click.offer, click, finder(offer(2, **RESTRICTED))) == (2,)
