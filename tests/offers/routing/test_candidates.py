"""Which candidates of an aggregated offer are open: their own records say so, and the rows close them too."""

from typing import Any

import pytest
from msgspec.structs import replace

from offers.catalog.record_cache import CacheMiss
from offers.routing.decision import Step
from offers.routing.exit_targets import open_candidates
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import decide
from recipes.records.kinds import RecipeKind
from recipes.records.records import Offer
from tests.offers.builders import context, finder, offer, visitor
from tests.offers.routing.exits import (
    DEFAULTS,
    OVER,
    PAST,
    PRESENT,
    RESTRICTED,
    best,
    dated,
    decided,
    exit_target,
    leaving,
)


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


@pytest.mark.parametrize(
    ("behind", "is_open"),
    [
        ([offer(3)], True),
        ([offer(3, **RESTRICTED)], False),
        ([best(4, offer_id=3), offer(4)], True),
        ([best(4, offer_id=3), offer(4, **OVER)], False),
        ([best(2, offer_id=3)], False),
        ([best(2, 4, offer_id=3), offer(4)], True),
        ([best(1, offer_id=3)], False),
        ([], False),
    ],
    ids=[
        "an open offer",
        "a closed offer",
        "an open offer two levels down",
        "a closed offer two levels down",
        "nothing but a circle",
        "a circle with a way out",
        "nothing but the offer that was left",
        "an unknown offer",
    ],
)
def test_an_aggregated_candidate_is_open_where_an_offer_behind_it_is(
    behind: list[Offer], is_open: bool
) -> None:
    click = context(best(2))
    find = finder(click.offer, best(3, offer_id=2), *behind)
    assert open_candidates(click.offer, click, find) == ((2,) if is_open else ())


def test_an_aggregated_candidate_without_an_open_one_takes_no_turn() -> None:
    click, round_robin = context(best(3, 4, offerIdRedirectExitTraffic=9)), RoundRobin()
    find = finder(click.offer, best(5, offer_id=3), offer(4), offer(5, **RESTRICTED), offer(9))
    takers = [decide(click, find, round_robin.choose, DEFAULTS).offer for _ in range(4)]
    assert [found.offer_id for found in takers if found] == [4, 4, 4, 4]


def test_where_no_aggregated_candidate_leads_on_the_click_goes_to_the_exit_offer() -> None:
    click = context(best(3, offerIdRedirectExitTraffic=9))
    decision = decided(click, best(5, offer_id=3), offer(5, **RESTRICTED), offer(9))
    assert decision.offer
    assert decision.offer.offer_id == 9
    assert decision.redirect_type == "offerAggregatedExitTrafficToRegularOffer"


def test_a_click_is_not_led_back_into_an_aggregated_offer_that_it_came_through() -> None:
    click, round_robin = leaving(2), RoundRobin()
    find = finder(click.offer, best(3, offer_id=2), best(2, 4, offer_id=3), offer(4), offer(100))
    takers = [decide(click, find, round_robin.choose, DEFAULTS).offer for _ in range(3)]
    assert [found.offer_id for found in takers if found] == [4, 4, 4]


@pytest.mark.parametrize(("aggregated_offers", "is_open"), [(9, True), (10, False)])
def test_a_candidate_from_which_it_is_more_than_ten_hops_is_closed(
    aggregated_offers: int, is_open: bool
) -> None:
    click = context(best(10))
    chain = [best(11 + hop, offer_id=10 + hop) for hop in range(aggregated_offers)]
    find = finder(*chain, offer(10 + aggregated_offers))
    assert open_candidates(click.offer, click, find) == ((10,) if is_open else ())


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


def test_what_is_not_at_hand_behind_several_candidates_is_asked_for_at_once() -> None:
    at_hand = finder(best(4, 5, offer_id=2), best(6, offer_id=3))

    def find(offer_id: int) -> Offer | None:
        if offer_id > 3:
            raise CacheMiss((RecipeKind.OFFERS, offer_id))
        return at_hand(offer_id)

    click = context(best(2, 3))
    with pytest.raises(CacheMiss) as missing:
        open_candidates(click.offer, click, find)
    assert [record_id for _, record_id in missing.value.wanted] == [4, 5, 6]


def test_a_trace_tells_of_aggregated_candidates_that_lead_nowhere() -> None:
    trace: list[Step] = []
    others = (best(2, 5, offer_id=3), best(6, offer_id=4), offer(5), offer(6, **RESTRICTED))
    decided(leaving(2), best(3, 4, offer_id=2), *others, trace=trace)
    assert [step.inputs["candidates"] for step in trace if step.rule == "pick"] == [
        {"3": "open", "4": "no candidate of its own is open"},
        {"2": "the click has come through it", "5": "open"},
    ]


def test_a_trace_tells_of_each_candidate_why_it_is_closed() -> None:
    trace: list[Step] = []
    rows = (3, 4, {"aggregatedOfferId": 5, "capsOverLimitSales": 1}, 6, 7, 8)
    others = (offer(3), offer(6, **RESTRICTED), offer(7, **OVER), offer(8, landingPageUrl=""))
    decided(leaving(2), best(*rows, offer_id=2), *others, trace=trace)
    assert [(step.rule, step.message) for step in trace[-2:]] == [
        ("pick", "offer 3 has its turn"),
        ("exit", "offer 3 takes the click"),
    ]
    assert trace[-2].inputs["candidates"] == {
        "3": "open",
        "4": "its offer is unknown",
        "5": "its sales cap is exceeded",
        "6": "it restricts US",
        "7": "it is over its cap",
        "8": "it has no landing page",
    }


def test_a_candidate_that_restricts_no_country_is_open_to_a_visitor_from_nowhere() -> None:
    click = context(best(2), None, visitor(None))
    assert open_candidates(click.offer, click, finder(offer(2, **RESTRICTED))) == (2,)
