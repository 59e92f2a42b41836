"""An explanation says what a click does, and why: over the demo network, in a real Redis."""

import asyncio
import json
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
import redis
from pytest_django import Settings

from cotraffic.diagnostics.explain.explain import EXPLAINED_LID, explain
from cotraffic.diagnostics.explain.request import read_explain_request
from cotraffic.diagnostics.explain.result import Explanation, RuleState
from cotraffic.diagnostics.explain.text import lines
from devstack.demo import DEFAULT_CAMPAIGN_ID, SHOWCASE, Example, demo_offers
from devstack.demo.places import DEV_CLIENT_IP
from offers import rules
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.click_log.record import Click, fields, record
from offers.click_log.stream import LOG
from offers.rules.common.rule import Rule
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.offers.explaining import (
    ALPINE,
    BROWSER,
    COFFEE,
    DESKTOP,
    FESTIVAL,
    GAMES,
    INSURANCE,
    LOST,
    SAUNA,
    TOKYO,
    VPN,
    Explained,
    link,
    winner,
)
from tests.recipe import change_record


@pytest.mark.parametrize("example", SHOWCASE, ids=lambda example: example.title)
def test_every_link_of_the_demo_network_is_explained_as_it_is_answered(
    explained: Explained, example: Example
) -> None:
    explanation = explained(link=link(example), address=example.client_ip)
    answered = explanation.outcome.redirect_type if explanation.outcome else None
    assert answered == example.redirect_type
    assert (explanation.refused is None) == (answered is not None)
    assert all(line == line.rstrip() for line in lines(explanation))
    if explanation.outcome and explanation.record:
        assert explanation.outcome.payin.value == Decimal(str(explanation.record["payin"]))
        assert explanation.outcome.payout.value == Decimal(str(explanation.record["payout"]))


ANSWERED = [example for example in SHOWCASE if example.redirect_type]


@pytest.mark.parametrize("example", ANSWERED, ids=lambda example: example.title)
def test_an_explanation_comes_to_what_a_click_would_leave_behind(
    explained: Explained, example: Example
) -> None:
    explain_request = read_explain_request(
        {"link": link(example), "address": example.client_ip, "user_agent": DESKTOP}
    )

    async def both() -> tuple[dict[str, Any], dict[str, Any]]:
        client = open_redis()
        async with aclosing(client):
            handler = build_handler(client, build_click_writer())
            supposed = await explain(handler, explain_request)
            click = await handler.load_and_resolve(explain_request.request)
        assert isinstance(click, Click)
        assert supposed.record
        return supposed.record, fields(record(click))

    supposed, real = asyncio.run(both())
    for own in ("lid", "dateAdded", "ttl"):
        supposed[own] = real[own]
    supposed["landingPageUrl"] = supposed["landingPageUrl"].replace(EXPLAINED_LID, real["lid"])
    assert supposed == real


DECIDING: dict[Rule, tuple[int, int, dict[str, str]]] = {
    rules.AGGREGATED: (VPN, 5115, {}),
    rules.DATES: (FESTIVAL, 5103, {}),
    rules.COUNTRY_RESTRICTION: (SAUNA, 5102, {}),
    rules.CUSTOM_PAGE: (104, 5104, {}),
    rules.CAMPAIGN_CAPS: (COFFEE, 5105, {}),
    rules.OFFER_CAPS: (106, 5108, {}),
    rules.COUNTRY_PAYOUT: (INSURANCE, 5111, {"address": TOKYO}),
    rules.TARGET: (GAMES, 5112, {}),
    rules.DEFAULT: (ALPINE, 5101, {}),
}


@pytest.mark.parametrize("rule", DECIDING, ids=lambda rule: rule.name)
def test_a_rule_that_decides_is_explained(explained: Explained, rule: Rule) -> None:
    offer, campaign, texts = DECIDING[rule]
    explanation = explained(offer, campaign, **texts)
    place = rules.RULES.index(rule)
    states = [seen.state for seen in explanation.rules]
    assert winner(explanation) == rule.name
    assert [seen.rule for seen in explanation.rules] == [each.name for each in rules.RULES]
    assert states[place:] == [RuleState.DECIDED] + [RuleState.NOT_ASKED] * (len(rules.RULES) - place - 1)
    for seen in explanation.rules[: place + 1]:
        assert seen.words.endswith(".")
        assert seen.message
    assert explanation.rules[place].is_set_up


def origins(explanation: Explanation) -> list[tuple[str, int, str]]:
    assert explanation.outcome
    found = []
    for amount in (explanation.outcome.payin, explanation.outcome.payout):
        assert amount.source
        found.append((amount.source.kind, amount.source.id, amount.field))
    return found


def test_a_payout_of_the_campaign_is_told_from_one_of_the_offer(explained: Explained) -> None:
    assert origins(explained(ALPINE, 5101)) == [("offers", ALPINE, "payin"), ("campaigns", 5101, "payout")]
    assert origins(explained(ALPINE, 5111)) == [("offers", ALPINE, "payin"), ("offers", ALPINE, "payout")]


def test_amounts_of_a_country_come_from_its_row(explained: Explained) -> None:
    explanation = explained(INSURANCE, 5111, address=TOKYO)
    row = "customPayOutPerGeo"
    assert origins(explanation) == [
        ("offers", INSURANCE, f"{row}.payIn"),
        ("offers", INSURANCE, f"{row}.payOut"),
    ]
    assert explanation.outcome
    assert "row JP" in explanation.outcome.payin.words


def test_the_amounts_of_an_exit_click_come_from_the_offer_that_takes_it(explained: Explained) -> None:
    assert origins(explained(SAUNA, 5102)) == [("offers", 190, "payin"), ("offers", 190, "payout")]


def test_where_nobody_is_left_the_page_of_last_resort_is_told(
    explained: Explained, settings: Settings
) -> None:
    settings.DEFAULT_OFFER_ID = 0
    explanation = explained(LOST, 5118)
    assert explanation.outcome
    assert [hop.step for hop in explanation.hops] == ["exit", "default offer", "last resort"]
    assert explanation.outcome.page.source is None
    assert "DEFAULT_REDIRECT_URL" in explanation.outcome.page.words
    assert explanation.outcome.offer is None
    assert explanation.outcome.payin.value == 0


def test_an_exit_chain_is_told_offer_by_offer(explained: Explained) -> None:
    explanation = explained(119, 5126)
    chain, taken = explanation.hops
    assert (chain.step, chain.chain, taken.message) == (
        "exit chain",
        (106, 190),
        "offer 190 takes the click",
    )
    assert explanation.record
    assert explanation.record["nestedExitOfferSteps"] == "119,106,190"


def test_an_exit_through_an_aggregated_offer_tells_the_pick_and_the_other_candidates(
    explained: Explained,
) -> None:
    pick, taken = explained(BROWSER, 5117).hops
    assert (pick.step, pick.works, taken.message) == ("pick", True, "offer 195 takes the click")
    assert (pick.offer and pick.offer.name, pick.picked and pick.picked.name) == (
        "Best VPN of the Day",
        "Lantern VPN",
    )
    assert pick.candidates["197"] == "it restricts US"


def test_explaining_takes_nobodys_turn_and_writes_nothing(
    explained: Explained, redis_client: redis.Redis
) -> None:
    explain_request = read_explain_request({"offer": str(VPN), "campaign": "5115", "address": DEV_CLIENT_IP})

    async def thrice() -> list[str]:
        client = open_redis()
        async with aclosing(client):
            handler = build_handler(client, build_click_writer())
            found = [await explain(handler, explain_request) for _ in range(3)]
        return [each.outcome.page.template for each in found if each.outcome]

    before = set(redis_client.keys())
    assert len(set(asyncio.run(thrice()))) == 1
    assert set(redis_client.keys()) == before
    assert redis_client.exists(LOG) == 0


def test_a_supposed_country_stands_in_for_the_addresss_own(explained: Explained) -> None:
    explanation = explained(SAUNA, 5102, country="de")
    visitor = explanation.visitor
    assert winner(explanation) == rules.DEFAULT.name
    assert (visitor["country"], visitor["city"], explanation.looked_up_country) == ("DE", None, "US")


def test_the_country_may_be_supposed_unknown(explained: Explained) -> None:
    assert explained(SAUNA, 5102, country="unknown").visitor["country"] is None


def test_the_addresss_own_country_supposed_keeps_its_city(explained: Explained) -> None:
    assert explained(SAUNA, 5102, country="US").visitor["city"] == "New York"


def test_a_supposed_time_decides_by_the_dates_of_then(explained: Explained) -> None:
    assert winner(explained(FESTIVAL, 5103)) == rules.DATES.name
    explanation = explained(FESTIVAL, 5103, at="2021-07-01T12:00")
    assert winner(explanation) == rules.DEFAULT.name
    assert explanation.at_ms == 1_625_140_800_000


def test_macros_are_shown_with_their_values_and_the_query_that_is_added(explained: Explained) -> None:
    explanation = explained(116, 5122, subid="A&B", cid="vip")
    assert explanation.outcome
    page = explanation.outcome.page
    assert page.template.startswith("http://p/fitness-app?s={subid}")
    assert ("{subid}", "A%26B") in [(macro.name, macro.value) for macro in page.macros]
    assert [parameter.name for parameter in page.added] == [
        "offer_id",
        "campaign_id",
        "lid",
        "ap",
        "src",
        "hash",
    ]
    assert page.location.startswith("http://p/fitness-app?s=A%26B&c=vip&")
    assert page.location.endswith("#join")


def test_a_custom_page_names_its_country(explained: Explained) -> None:
    outcome = explained(104, 5104).outcome
    assert outcome
    assert outcome.page.words == "the custom landing page of offer 104 for US"


def test_an_inactive_offer_tells_who_takes_over(explained: Explained) -> None:
    explanation = explained(113, 5119)
    assert f"campaign {DEFAULT_CAMPAIGN_ID}" in explanation.took_over
    assert explanation.offer
    assert (explanation.offer.id, explanation.offer.standing) == (113, "inactive, regular")


def test_a_changed_record_is_explained_as_it_is_now(explained: Explained, demo_recipe: RecipeStore) -> None:
    changed = next(r for r in demo_offers("http://p") if r["offerId"] == ALPINE) | {
        "countriesRestrictions": "US"
    }
    change_record(demo_recipe, RecipeKind.OFFERS, ALPINE, json.dumps(changed).encode())
    assert winner(explained(ALPINE, 5101)) == rules.COUNTRY_RESTRICTION.name


def test_the_text_tells_rules_exits_amounts_and_location(explained: Explained) -> None:
    text = "\n".join(lines(explained(BROWSER, 5117)))
    for words in (
        "Country restricted: decided, offerGeoRestriction: US is restricted",
        "Custom landing page: not asked",
        "exit to offer 111 Best VPN of the Day: offer 195 takes the click",
        "payin       4.5, of offer 195",
        "http://p/lantern-vpn?offer_id=195&campaign_id=5117",
    ):
        assert words in text
