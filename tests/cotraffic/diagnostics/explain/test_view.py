"""The explain panel: a question in a form, and its answer."""

import html
import json
import re

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import LOG
from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.environment import ENCRYPTION_KEY
from tests.recipe import make_live, offer_blob

FRANCE = "82.237.47.21"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"


@pytest.fixture
def store(redis_client: redis.Redis, geoip_databases: None) -> RecipeStore:
    """Offer 2 sends the French to offer 1, whose name and page want escaping."""
    store = RecipeStore(redis_client)
    page = "https://p.example/?a=1&c={cid}"
    one = offer_blob(1, payin=4, name="<b>Deals</b> & more", landingPageUrl=page)
    two = offer_blob(2, name="Sauna", countriesRestrictions="FR", offerIdRedirectExitTraffic=1)
    make_live(store, RecipeKind.OFFERS, {1: one, 2: two})
    campaign = {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active", "name": "Banner"}
    of_sauna = campaign | {"campaignId": 3, "name": "Steam", "offerId": 2}
    campaigns = {1: json.dumps(campaign).encode(), 3: json.dumps(of_sauna).encode()}
    make_live(store, RecipeKind.CAMPAIGNS, campaigns)
    return store


def explained(client: Client, **texts: str) -> str:
    """The page's text without tags, its white space in order."""
    answer = client.get(reverse("diagnostics:explain"), texts)
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def test_without_a_question_it_says_what_to_paste(store: RecipeStore, staff_client: Client) -> None:
    text = explained(staff_client)
    assert "Paste a link to see every rule" in text
    assert "Clear" not in text


def test_a_damaged_link_to_an_alias_is_explained_as_it_is_answered(
    store: RecipeStore, staff_client: Client, settings: Settings
) -> None:
    settings.CLICK_ALIASES = ["/pl?o"]
    link = f"https://click_a.example//PL/?o=({encrypt(1, 1, ENCRYPTION_KEY)}).?subid=5&amp;cid=café"
    text = explained(staff_client, link=link)
    assert "https://p.example/?a=1&c=caf%C3%A9&offer_id=1&campaign_id=1&lid=" in text


def test_a_link_to_a_path_without_clicks_is_told_so(store: RecipeStore, staff_client: Client) -> None:
    link = f"https://c.example/pl?o={encrypt(1, 1, ENCRYPTION_KEY)}"
    assert "o clicks arrive at /pl: this instance answers /offer" in explained(staff_client, link=link)


def test_ones_own_user_agent_is_read_as_utf_8(store: RecipeStore, staff_client: Client) -> None:
    sent = "X 魅族".encode().decode("latin-1")
    link = f"?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
    answer = staff_client.get(
        reverse("diagnostics:explain"), {"link": link, "format": "json"}, headers={"User-Agent": sent}
    )
    assert answer.json()["visitor"]["userAgent"] == "X 魅族"


def test_a_pasted_link_is_explained(store: RecipeStore, staff_client: Client) -> None:
    link = f"https://c.example/offer?ad={encrypt(2, 1, ENCRYPTION_KEY)}&cid=a%20b"
    text = explained(staff_client, link=link, address=FRANCE)
    for words in (
        "The click goes to offer 1 <b>Deals</b> & more , instead of offer 2 Sauna",
        "offerGeoRestriction: FR is restricted",
        "Offer 2 restricts FR; the visitor is from FR.",
        "Custom landing page · not asked",
        "of offer 1, which takes the click",
        "{cid} a%20b",
        "https://p.example/?a=1&c=a%20b&offer_id=1&campaign_id=1&lid=",
    ):
        assert words in text, words


def test_an_offer_and_a_campaign_can_be_chosen_instead(store: RecipeStore, staff_client: Client) -> None:
    assert "defaultRedirection: no rule decided" in explained(staff_client, offer="2", campaign="1")


def test_a_campaign_alone_is_explained_with_its_own_offer(store: RecipeStore, staff_client: Client) -> None:
    text = explained(staff_client, campaign="3", country="FR")
    assert "The click goes to offer 1" in text
    assert "instead of offer 2 Sauna" in text
    assert "manage.py explain --campaign 3" in text


def test_an_offer_that_is_not_the_campaigns_is_told_by_name(store: RecipeStore, staff_client: Client) -> None:
    text = explained(staff_client, offer="1", campaign="3")
    assert "Campaign 3 Steam belongs to offer 2 Sauna, not to offer 1 <b>Deals</b> & more" in text
    assert "The click goes to" not in text


def test_a_campaign_without_an_offer_wants_one(store: RecipeStore, staff_client: Client) -> None:
    assert "Campaign 1 Banner names no offer in its record" in explained(staff_client, campaign="1")


def test_a_campaign_alone_that_is_not_in_the_recipe_is_refused(
    store: RecipeStore, staff_client: Client
) -> None:
    text = explained(staff_client, campaign="9")
    assert "Campaign 9 is not in the recipe." in text
    assert "offer 0" not in text


def test_country_time_and_user_agent_can_be_supposed(store: RecipeStore, staff_client: Client) -> None:
    supposed = {"country": "fr", "at": "2021-07-01T12:00:00", "user_agent": IPHONE}
    text = explained(staff_client, offer="2", campaign="1", **supposed)
    assert "offerGeoRestriction: FR is restricted" in text
    assert "supposed the address is in no known country" in text
    assert "2021-07-01 12:00:00 UTC" in text
    assert "smartphone, Mobile Safari" in text


def test_whoever_asks_is_the_visitor_unless_another_is_named(
    store: RecipeStore, staff_client: Client
) -> None:
    answer = staff_client.get(
        reverse("diagnostics:explain"),
        {"offer": "2", "campaign": "1"},
        headers={"X-Forwarded-For": FRANCE, "User-Agent": IPHONE, "Sec-CH-UA-Platform": '"Android"'},
    )
    assert "FR is restricted" in answer.text
    assert re.search(r"smartphone, Mobile Safari[^<]*, Android", answer.text)


@pytest.mark.parametrize(
    ("texts", "field", "said"),
    [
        ({"link": "https://c.example/offer"}, "link", "no query"),
        ({"offer": "2"}, "campaign", "A link names a campaign"),
        ({"link": "x", "address": "300.1.1.1"}, "address", "is not an IPv4 or IPv6 address"),
        ({"link": "x", "country": "Narnia"}, "country", "two letters"),
        ({"link": "x", "at": "soon"}, "at", "is not a time"),
    ],
)
def test_a_wrong_field_says_what_to_write(
    store: RecipeStore, staff_client: Client, texts: dict[str, str], field: str, said: str
) -> None:
    answer = staff_client.get(reverse("diagnostics:explain"), texts)
    wrong = re.search(rf'<p class="wrong" id="wrong_{field}">([^<]*)</p>', answer.text)
    assert wrong
    assert said.lower() in wrong[1].lower()
    assert f'aria-describedby="wrong_{field}"' in answer.text
    for value in texts.values():
        assert f'value="{value}"' in answer.text


def test_a_refused_link_says_why_and_what_to_do(store: RecipeStore, staff_client: Client) -> None:
    text = explained(staff_client, link="https://c.example/offer?ad=junk")
    assert "Refused: broken link bad token" in text
    assert "has no colon between IV and ciphertext" in text
    assert "404, a small page: not found" in text


def test_a_refused_pair_links_to_its_records(store: RecipeStore, staff_client: Client) -> None:
    answer = staff_client.get(reverse("diagnostics:explain"), {"offer": "2", "campaign": "9"})
    assert reverse("diagnostics:record", args=["offers", 2]) in answer.text
    assert reverse("diagnostics:record", args=["campaigns", 9]) not in answer.text
    assert "unknown campaign" in answer.text


def test_the_answer_is_json_where_that_is_wanted(store: RecipeStore, staff_client: Client) -> None:
    url = reverse("diagnostics:explain")
    answer = staff_client.get(url, {"offer": "2", "campaign": "1", "country": "FR", "format": "json"})
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["outcome"]["winner"] == "country restriction"


@pytest.mark.parametrize(
    ("texts", "problem"),
    [({"campaign": "x"}, "campaign: 'x' is not an id"), ({}, "link: give a link, a campaign or a lid")],
)
def test_where_json_is_wanted_a_wrong_field_is_told_in_json(
    store: RecipeStore, staff_client: Client, texts: dict[str, str], problem: str
) -> None:
    answer = staff_client.get(reverse("diagnostics:explain"), texts | {"format": "json"})
    assert answer.status_code == 400
    assert answer.json()["problem"].startswith(problem)


def test_where_json_is_wanted_what_is_not_set_up_is_told_in_json(
    store: RecipeStore, staff_client: Client, settings: Settings
) -> None:
    settings.ENCRYPTION_KEY = "not of 32 bytes"
    answer = staff_client.get(reverse("diagnostics:explain"), {"campaign": "1", "format": "json"})
    assert (answer.status_code, "cannot decide clicks" in answer.json()["problem"]) == (503, True)


def test_the_command_that_asks_the_same_is_shown(store: RecipeStore, staff_client: Client) -> None:
    text = explained(staff_client, offer="2", campaign="1", country="FR", user_agent="it's me")
    assert "manage.py explain --offer 2 --campaign 1" in text
    assert "--country FR" in text
    assert """--ua 'it'"'"'s me'""" in text


def test_nothing_is_logged_as_a_click(
    store: RecipeStore, staff_client: Client, redis_client: redis.Redis
) -> None:
    explained(staff_client, offer="2", campaign="1")
    assert redis_client.exists(LOG) == 0


def test_while_redis_is_away_it_says_so(
    staff_client: Client, settings: Settings, geoip_databases: None
) -> None:
    settings.REDIS_URL = f"redis://{LOCALHOST}:{free_port()}/0"
    assert "unknown record while Redis is away" in explained(staff_client, campaign="1")
    text = explained(staff_client, offer="2", campaign="1")
    assert "unknown record while Redis is away" in text
    assert "Start this instance's Redis" in text


def test_what_is_not_set_up_is_told(store: RecipeStore, staff_client: Client, settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "not of 32 bytes"
    text = explained(staff_client, offer="2", campaign="1")
    assert "This instance cannot decide clicks." in text
    assert "manage.py check" in text
