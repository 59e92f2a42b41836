"""An explanation says what a click does, and why: over the demo network, in a real Redis."""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from decimal import Decimal
from typing import Any

import pytest
import redis
from pytest_django import Settings

from devstack.demo import (
    DEFAULT_CAMPAIGN_ID,
    DEFAULT_OFFER_ID,
    DEMO_NETWORKS,
    SHOWCASE,
    Example,
    demo_campaigns,
    demo_offers,
)
from devstack.demo.places import DEV_CLIENT_IP
from devstack.geoip import write_databases
from offers.click_log import LOG
from offers.click_record import Click, fields, record
from offers.engine import build_answerer, build_click_writer, open_redis
from offers.explain import EXPLAINED_LID, explain
from offers.explain_text import lines
from offers.explanation import DECIDED, NOT_ASKED, Explanation
from offers.question import BadQuestion, Question, read_question
from offers.rules import Rule
from offers.tokens import encrypt, encrypt_text, seal, sealed_keys
from recipes.store import RecipeKind, RecipeStore
from tests.environment import ENCRYPTION_KEY
from tests.recipe import change_record, make_live

DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
TOKYO, BERLIN = "126.10.20.30", "91.66.10.20"
ALPINE, SAUNA, FESTIVAL, COFFEE, INSURANCE, GAMES, VPN, BROWSER, LOST = (
    101,
    102,
    103,
    105,
    109,
    110,
    111,
    117,
    118,
)
Explained = Callable[..., Explanation]


@pytest.fixture(scope="module")
def demo_places(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    directory = tmp_path_factory.mktemp("geoip")
    paths = directory / "City.mmdb", directory / "ISP.mmdb"
    write_databases(DEMO_NETWORKS, *paths)
    return str(paths[0]), str(paths[1])


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    """The demo network, live."""
    store = RecipeStore(redis_client)
    for kind, records in {
        RecipeKind.OFFERS: demo_offers("http://p"),
        RecipeKind.CAMPAIGNS: demo_campaigns(),
    }.items():
        make_live(store, kind, {r[kind.id_field]: json.dumps(r).encode() for r in records})
    return store


@pytest.fixture
def explained(store: RecipeStore, settings: Settings, demo_places: tuple[str, str]) -> Explained:
    """Explains a question in texts, by default from New York on a desktop."""
    settings.MAXMIND_PATH, settings.MAXMIND_PATH_ISP = demo_places
    settings.DEFAULT_OFFER_ID, settings.DEFAULT_CAMPAIGN_ID = DEFAULT_OFFER_ID, DEFAULT_CAMPAIGN_ID

    def ask(offer: int = 0, campaign: int = 0, **texts: str) -> Explanation:
        ids = {"offer": str(offer), "campaign": str(campaign)} if offer else {}
        usual = {"address": DEV_CLIENT_IP, "user_agent": DESKTOP}
        return asyncio.run(explain_once(read_question(usual | ids | texts)))

    return ask


async def explain_once(question: Question) -> Explanation:
    client = open_redis()
    async with aclosing(client):
        return await explain(build_answerer(client, build_click_writer()), question)


def link(example: Example) -> str:
    token = encrypt(example.offer_id, example.campaign_id, ENCRYPTION_KEY)
    return f"https://c.example/offer?ad={token}{example.query}"


def winner(explanation: Explanation) -> str:
    return next(rule.rule for rule in explanation.rules if rule.state == DECIDED)


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
        assert explanation.outcome.payin.value == Decimal(explanation.record["payin"])
        assert explanation.outcome.payout.value == Decimal(explanation.record["payout"])


ANSWERED = [example for example in SHOWCASE if example.redirect_type]


@pytest.mark.parametrize("example", ANSWERED, ids=lambda example: example.title)
def test_an_explanation_comes_to_what_a_click_would_leave_behind(
    explained: Explained, example: Example
) -> None:
    question = read_question({"link": link(example), "address": example.client_ip, "user_agent": DESKTOP})

    async def both() -> tuple[dict[str, Any], dict[str, Any]]:
        client = open_redis()
        async with aclosing(client):
            answerer = build_answerer(client, build_click_writer())
            supposed = await explain(answerer, question)
            click = await answerer.examine(question.request)
        assert isinstance(click, Click)
        assert supposed.record
        return supposed.record, fields(record(click))

    supposed, real = asyncio.run(both())
    for own in ("lid", "dateAdded", "ttl"):
        supposed[own] = real[own]
    supposed["landingPageUrl"] = supposed["landingPageUrl"].replace(EXPLAINED_LID, real["lid"])
    assert supposed == real


DECIDING: dict[Rule, tuple[int, int, dict[str, str]]] = {
    Rule.AGGREGATED: (VPN, 5115, {}),
    Rule.DATES: (FESTIVAL, 5103, {}),
    Rule.COUNTRY_RESTRICTION: (SAUNA, 5102, {}),
    Rule.CUSTOM_PAGE: (104, 5104, {}),
    Rule.CAMPAIGN_CAPS: (COFFEE, 5105, {}),
    Rule.OFFER_CAPS: (106, 5108, {}),
    Rule.COUNTRY_PAYOUT: (INSURANCE, 5111, {"address": TOKYO}),
    Rule.TARGET: (GAMES, 5112, {}),
    Rule.DEFAULT: (ALPINE, 5101, {}),
}


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_an_explained_case_that_it_decides(explained: Explained, rule: Rule) -> None:
    offer, campaign, texts = DECIDING[rule]
    explanation = explained(offer, campaign, **texts)
    place = list(Rule).index(rule)
    states = [seen.state for seen in explanation.rules]
    assert winner(explanation) == rule.value
    assert [seen.rule for seen in explanation.rules] == [each.value for each in Rule]
    assert states[place:] == [DECIDED] + [NOT_ASKED] * (len(Rule) - place - 1)
    for seen in explanation.rules[: place + 1]:
        assert seen.words.endswith(".")
        assert seen.said
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


def test_an_exit_through_an_aggregated_offer_tells_the_pick_and_the_other_candidates(
    explained: Explained,
) -> None:
    pick, taken = explained(BROWSER, 5117).hops
    assert (pick.step, pick.works, taken.said) == ("pick", True, "offer 195 takes the click")
    assert (pick.offer and pick.offer.name, pick.picked and pick.picked.name) == (
        "Best VPN of the Day",
        "Lantern VPN",
    )
    assert pick.candidates["197"] == "it restricts US"


def test_explaining_takes_nobodys_turn_and_writes_nothing(
    explained: Explained, redis_client: redis.Redis
) -> None:
    question = read_question({"offer": str(VPN), "campaign": "5115", "address": DEV_CLIENT_IP})

    async def thrice() -> list[str]:
        client = open_redis()
        async with aclosing(client):
            answerer = build_answerer(client, build_click_writer())
            found = [await explain(answerer, question) for _ in range(3)]
        return [each.outcome.page.template for each in found if each.outcome]

    before = set(redis_client.keys())
    assert len(set(asyncio.run(thrice()))) == 1
    assert set(redis_client.keys()) == before
    assert redis_client.exists(LOG) == 0


def test_a_supposed_country_stands_in_for_the_addresss_own(explained: Explained) -> None:
    explanation = explained(SAUNA, 5102, country="de")
    visitor = explanation.visitor
    assert winner(explanation) == Rule.DEFAULT.value
    assert (visitor["country"], visitor["city"], explanation.looked_up_country) == ("DE", None, "US")


def test_the_country_may_be_supposed_unknown(explained: Explained) -> None:
    assert explained(SAUNA, 5102, country="unknown").visitor["country"] is None


def test_the_addresss_own_country_supposed_keeps_its_city(explained: Explained) -> None:
    assert explained(SAUNA, 5102, country="US").visitor["city"] == "New York"


def test_a_supposed_time_decides_by_the_dates_of_then(explained: Explained) -> None:
    assert winner(explained(FESTIVAL, 5103)) == Rule.DATES.value
    explanation = explained(FESTIVAL, 5103, at="2021-07-01T12:00")
    assert winner(explanation) == Rule.DEFAULT.value
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


@pytest.mark.parametrize(
    ("token", "detail", "hint"),
    [
        ("", "no colon", "`ad` parameter is empty"),
        ("junk", "no colon", "cut off"),
        ("zz:yy", "not hexadecimal", "Copy the link again"),
        ("00:11", "IV", "32 hexadecimal digits"),
        ("00" * 16 + ":11", "length", "cut off"),
        pytest.param(
            encrypt(1, 1, "another-key-another-key-another!"), "", "ENCRYPTION_KEY", id="another key"
        ),
        pytest.param(
            encrypt_text("hello", ENCRYPTION_KEY), "neither JSON nor two ids", "ENCRYPTION_KEY", id="no ids"
        ),
        ("v2.k9." + "A" * 60, "AD_TOKEN_KEYS", "compare AD_TOKEN_KEYS"),
        ("v2.k9", "no dot", "cut off"),
    ],
)
def test_a_bad_token_is_told_what_is_wrong_with_it(
    explained: Explained, token: str, detail: str, hint: str
) -> None:
    refused = explained(link=f"https://c.example/offer?ad={token}").refused
    assert refused
    assert (refused.reason, refused.status) == ("bad token", 404)
    assert detail in refused.detail
    assert hint in refused.hint


def test_an_expired_link_still_names_its_records_and_worked_before(
    explained: Explained, settings: Settings
) -> None:
    settings.AD_TOKEN_KEYS = [f"k1:{'ab' * 32}"]
    token = seal(ALPINE, 5101, "k1", sealed_keys(settings.AD_TOKEN_KEYS)["k1"], 1_700_000_000)
    explanation = explained(link=token)
    assert explanation.refused
    assert "expired at 2023-11-14 22:13:20 UTC" in explanation.refused.detail
    assert explanation.offer
    assert explanation.offer.name == "Alpine Hiking Shop"
    assert explained(link=token, at="2023-11-01").refused is None


@pytest.mark.parametrize(
    ("offer", "campaign", "reason"),
    [
        (99_999, 5101, "unknown offer"),
        (ALPINE, 99_999, "unknown campaign"),
        (ALPINE, 5123, "blocked campaign"),
        (ALPINE, 5125, "blocked affiliate"),
    ],
)
def test_a_refused_pair_tells_why_and_what_to_do(
    explained: Explained, offer: int, campaign: int, reason: str
) -> None:
    explanation = explained(offer, campaign)
    assert explanation.refused
    assert explanation.refused.reason == reason
    assert explanation.refused.hint
    assert explanation.offer
    assert explanation.campaign
    assert (explanation.offer.id, explanation.campaign.id) == (offer, campaign)
    assert {rule.state for rule in explanation.rules} == {NOT_ASKED}


def test_a_refused_click_tells_where_the_operator_sends_it(explained: Explained, settings: Settings) -> None:
    settings.NOT_FOUND_REDIRECT_URL = "https://nothing.example/"
    refused = explained(ALPINE, 5125).refused
    assert refused
    assert (refused.status, "https://nothing.example/" in refused.visitor_sees) == (302, True)


def test_without_a_recipe_it_says_how_to_load_one(explained: Explained, redis_client: redis.Redis) -> None:
    redis_client.flushall()
    refused = explained(ALPINE, 5101).refused
    assert refused
    assert (refused.reason, refused.status) == ("nothing loaded", 503)
    assert "recipe_sync" in refused.hint


def test_a_changed_record_is_explained_as_it_is_now(explained: Explained, store: RecipeStore) -> None:
    changed = next(r for r in demo_offers("http://p") if r["offerId"] == ALPINE) | {
        "countriesRestrictions": "US"
    }
    change_record(store, RecipeKind.OFFERS, ALPINE, json.dumps(changed).encode())
    assert winner(explained(ALPINE, 5101)) == Rule.COUNTRY_RESTRICTION.value


def test_the_text_tells_rules_exits_amounts_and_location(explained: Explained) -> None:
    text = "\n".join(lines(explained(BROWSER, 5117)))
    for words in (
        "3. Country restricted: decided, offerGeoRestriction: US is restricted",
        "4. Custom landing page: not asked",
        "exit to offer 111 Best VPN of the Day: offer 195 takes the click",
        "payin       4.5, of offer 195",
        "http://p/lantern-vpn?offer_id=195&campaign_id=5117",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("texts", "field", "said"),
    [
        ({}, "link", "paste a link"),
        ({"link": "x", "offer": "1"}, "link", "not both"),
        ({"offer": "1"}, "campaign", "give the campaign"),
        ({"offer": "one", "campaign": "1"}, "offer", "whole numbers"),
        ({"link": "x", "address": "300.1.1.1"}, "address", "IPv4 or IPv6"),
        ({"link": "x", "country": "Germany"}, "country", "two letters"),
        ({"link": "x", "at": "yesterday"}, "at", "2026-11-25T10:00"),
        ({"link": "x", "user_agent": "x" * 3000}, "user_agent", "2,000"),
    ],
)
def test_a_question_that_cannot_be_asked_is_told_what_to_write(
    texts: dict[str, str], field: str, said: str
) -> None:
    with pytest.raises(BadQuestion, match=said) as found:
        read_question(texts)
    assert found.value.field == field


def test_what_the_link_says_stands_unless_it_is_overridden() -> None:
    link = "https://c.example/offer?ad=x&subid=own&cid=own"
    request = read_question({"link": link, "cid": "other"}).request
    assert (request.subid, request.cid) == ("own", "other")


@pytest.mark.parametrize(
    "text", ["2026-11-25T10:00", "2026-11-25T12:00+02:00", "2026-11-25T10:00Z", "1795600800000"]
)
def test_a_time_is_utc_unless_it_names_its_zone(text: str) -> None:
    assert read_question({"link": "x", "at": text}).at_ms == 1_795_600_800_000
