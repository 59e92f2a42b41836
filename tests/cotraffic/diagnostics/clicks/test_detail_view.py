"""The page of one click: where it is, its record, and what the same visitor would get now."""

import asyncio
import html
import json
import re
from contextlib import aclosing
from pathlib import Path

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cotraffic.diagnostics.explain.explain import explain
from cotraffic.diagnostics.explain.request import read_explain_request
from devstack.services import LOCALHOST, free_port
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.click_log.record import encode
from offers.click_log.stream import ClickLog
from offers.delivery.lookup import reading_table
from offers.spool.types import PendingClick
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.offers.logged import redis_away
from tests.recipe import change_record, make_live, offer_blob

FRANCE = "82.237.47.21"
LID = "00000000-0000-4000-8000-000000000000"
UNKNOWN = "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"


@pytest.fixture
def store(
    redis_client: redis.Redis, geoip_databases: None, settings: Settings, tmp_path: Path
) -> RecipeStore:
    """A recipe in which offer 2 sends the French to offer 1; DynamoDB is away."""
    settings.AWS_DYNAMODB_ENDPOINT = f"http://{LOCALHOST}:{free_port()}"
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    reading_table.cache_clear()
    store = RecipeStore(redis_client)
    two = offer_blob(2, name="Sauna", countriesRestrictions="FR", offerIdRedirectExitTraffic=1)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, payin=4, name="<b>Deals</b>"), 2: two})
    campaign = {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active"}
    make_live(store, RecipeKind.CAMPAIGNS, {1: json.dumps(campaign).encode()})
    return store


@pytest.fixture
def clicked(store: RecipeStore, redis_client: redis.Redis) -> None:
    """The click of somebody in France on offer 2, in the log."""
    explain_request = read_explain_request(
        {"offer": "2", "campaign": "1", "address": FRANCE, "cid": "<i>c</i>"}
    )

    async def record() -> bytes:
        client = open_redis()
        async with aclosing(client):
            kept = (await explain(build_handler(client, build_click_writer()), explain_request)).record
        assert kept
        # As a record is written: its lid first.
        return encode({"lid": kept["lid"], **kept})

    ClickLog(redis_client).append([PendingClick(asyncio.run(record()), unique="1")])


def shown(client: Client, lid: str = LID) -> str:
    """The page's text without tags, its white space in order."""
    answer = client.get(reverse("diagnostics:click", args=[lid]))
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def test_a_click_is_shown_with_its_record_and_where_it_is(clicked: None, staff_client: Client) -> None:
    text = shown(staff_client)
    for words in (
        "waiting It is in the log, and no worker has read it yet.",
        "offerName <b>Deals</b> the same",
        "cid <i>c</i>",
        "redirectType country not allowed offerGeoRestriction the same",
        "isUniqueVisit true",
        "Everything would be as it was recorded.",
    ):
        assert words in text, words


def test_what_would_be_different_now_is_marked(
    clicked: None, store: RecipeStore, staff_client: Client
) -> None:
    change_record(store, RecipeKind.OFFERS, 1, offer_blob(1, payin=5, name="<b>Deals</b>"))
    text = shown(staff_client)
    assert "1 field would be different; they are marked below" in text
    assert "payin 4 now 5" in text


def test_a_click_that_would_be_refused_now_says_why(
    clicked: None, store: RecipeStore, staff_client: Client
) -> None:
    change_record(store, RecipeKind.CAMPAIGNS, 1, None)
    words = "campaign not in the recipe unknown campaign Campaign 1 is not in the recipe"
    assert words in shown(staff_client)


def test_an_address_that_moved_offers_to_explain_with_the_country_of_then(
    clicked: None, redis_client: redis.Redis, staff_client: Client
) -> None:
    moved = UNKNOWN.replace("9", "8")
    kept = {"lid": moved, "offerId": 2, "campaignId": 1, "IP": FRANCE, "country": "DE"}
    ClickLog(redis_client).append([PendingClick(encode(kept), unique="1")])
    answer = staff_client.get(reverse("diagnostics:click", args=[moved]))
    assert "The address was in DE then, and is in FR now." in answer.text
    link = re.search(r'href="([^"]*country=DE[^"]*)"', answer.text)
    assert link
    assert "no rule decided" in staff_client.get(html.unescape(link[1])).text


def test_the_same_click_can_be_explained_rule_by_rule(clicked: None, staff_client: Client) -> None:
    answer = staff_client.get(reverse("diagnostics:click", args=[LID]))
    link = re.search(r'href="([^"]*)">Explain what it would get now', answer.text)
    assert link
    assert "FR is restricted" in staff_client.get(html.unescape(link[1])).text


def test_a_dead_dynamodb_is_told_beside_what_the_log_has(clicked: None, staff_client: Client) -> None:
    text = shown(staff_client)
    assert "DynamoDB could not be asked." in text
    assert "Clicks that are delivered are found there" in text


def test_a_lid_that_is_nowhere_says_where_was_looked(clicked: None, staff_client: Client) -> None:
    text = shown(staff_client, UNKNOWN)
    assert "No click with this lid was found." in text
    assert "This instance's log: all 1 entries were searched" in text
    assert "another instance that is not delivered yet" in text


def test_while_redis_is_away_the_page_says_so(
    clicked: None, staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "cotraffic.diagnostics.clicks.detail_view.get_redis_connection", lambda _: redis_away()
    )
    text = shown(staff_client)
    assert "The log could not be searched." in text
    assert "REDIS_URL" in text


@pytest.mark.parametrize("typed", [LID, f"https://p.example/?lid={LID}&ap=1", f" {LID.upper()} "])
def test_a_lid_is_found_in_whatever_was_pasted(store: RecipeStore, staff_client: Client, typed: str) -> None:
    answer = staff_client.get(reverse("diagnostics:find_click"), {"lid": typed})
    assert answer["Location"] == reverse("diagnostics:click", args=[LID])


@pytest.mark.parametrize("typed", [LID[:8], LID[:13].upper(), f" {LID[:8]}… "])
def test_the_beginning_of_a_lid_finds_its_newest_click(
    clicked: None, staff_client: Client, typed: str
) -> None:
    answer = staff_client.get(reverse("diagnostics:find_click"), {"lid": typed})
    assert answer["Location"].startswith(f"{reverse('diagnostics:click', args=[LID])}?entry=")


def test_the_beginning_of_no_lid_says_how_far_it_looked(clicked: None, staff_client: Client) -> None:
    shown = staff_client.get(reverse("diagnostics:find_click"), {"lid": "ffffffff"}).text
    assert "is among the newest 20,000 of the log" in shown


def test_what_is_no_lid_says_what_one_is(staff_client: Client) -> None:
    answer = staff_client.get(reverse("diagnostics:click", args=["<abc>"]), follow=True)
    assert "That is no lid." in answer.text
    assert "&lt;abc&gt;" in answer.text


def test_without_a_lid_it_says_where_to_find_one(staff_client: Client) -> None:
    assert "Paste a lid to see its click." in staff_client.get(reverse("diagnostics:find_click")).text
