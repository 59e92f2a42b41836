"""A recorded click is explained as it was, whoever looks at it."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cotraffic.diagnostics.explain.recorded import explain_request_of
from devstack.services import LOCALHOST, free_port
from offers.click_log.record import encode
from offers.click_log.stream import ClickLog
from offers.delivery.lookup import reading_table
from offers.spool.types import PendingClick
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.recipe import make_live, offer_blob

FRANCE = "82.237.47.21"
LID = "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
RECORDED = {"lid": LID, "offerId": 1, "campaignId": 3, "IP": FRANCE, "country": "FR"}


@pytest.fixture
def log(redis_client: redis.Redis, geoip_databases: None, settings: Settings, tmp_path: Path) -> ClickLog:
    """Campaign 3 has moved from offer 1 to offer 2; DynamoDB is away."""
    settings.AWS_DYNAMODB_ENDPOINT = f"http://{LOCALHOST}:{free_port()}"
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    reading_table.cache_clear()
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, name="Deals"), 2: offer_blob(2, name="Sauna")})
    campaign = {"campaignId": 3, "affiliateId": 7, "campaignStatus": "active", "offerId": 2}
    make_live(store, RecipeKind.CAMPAIGNS, {3: json.dumps(campaign).encode()})
    return ClickLog(redis_client)


def record(log: ClickLog, **fields: object) -> None:
    log.append([PendingClick(encode(RECORDED | fields), unique="1")])


def explained(client: Client, **texts: str) -> Any:
    """The explanation as JSON; who asks has an iPhone."""
    query = {"lid": LID, "format": "json", **texts}
    return client.get(reverse("diagnostics:explain"), query, headers={"User-Agent": IPHONE}).json()


def wrong(client: Client, **texts: str) -> str:
    return client.get(reverse("diagnostics:explain"), texts).text


def test_a_click_whose_campaign_is_of_another_offer_by_now_is_explained(
    log: ClickLog, staff_client: Client
) -> None:
    record(log)
    found = explained(staff_client)
    assert (found["offer"]["id"], found["campaign"]["id"]) == (1, 3)
    assert found["visitor"]["IP"] == FRANCE


def test_a_click_without_user_agent_keeps_its_unknown_device(log: ClickLog, staff_client: Client) -> None:
    record(log, deviceType="unknown")
    visitor = explained(staff_client)["visitor"]
    assert visitor["deviceType"] == "unknown"
    assert not visitor.get("userAgent")


def test_a_click_keeps_the_device_that_its_client_hints_named(log: ClickLog, staff_client: Client) -> None:
    record(log, userAgent=DESKTOP, deviceType="tablet", os="Android", platform="Android")
    visitor = explained(staff_client)["visitor"]
    assert (visitor["deviceType"], visitor["os"], visitor["userAgent"]) == ("tablet", "Android", DESKTOP)


def test_country_and_time_can_be_supposed(log: ClickLog, staff_client: Client) -> None:
    record(log)
    found = explained(staff_client, country="de", at="2021-07-01T12:00")
    assert (found["visitor"]["country"], found["at_ms"]) == ("DE", 1_625_140_800_000)


def test_the_page_names_the_click_and_offers_no_command_that_asks_another_question(
    log: ClickLog, staff_client: Client
) -> None:
    record(log)
    shown = staff_client.get(reverse("diagnostics:explain"), {"lid": f"https://p.example/?lid={LID}"}).text
    assert f'href="{reverse("diagnostics:click", args=[LID])}"' in shown
    assert "manage.py explain" not in shown


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"lid": "abc"}, "That is no lid"),
        ({"lid": LID}, "No click with this lid was found"),
        ({"lid": LID, "campaign": "3"}, "beside a lid only country and time"),
        ({"lid": LID, "country": "Narnia"}, "is not a country"),
    ],
)
def test_a_lid_that_cannot_be_explained_says_why(
    log: ClickLog, staff_client: Client, texts: dict[str, str], words: str
) -> None:
    assert words in wrong(staff_client, **texts)


def test_a_record_that_names_no_offer_says_so(log: ClickLog, staff_client: Client) -> None:
    record(log, offerId=None)
    assert "names no offer or no campaign" in wrong(staff_client, lid=LID)


def test_a_record_without_offer_or_campaign_cannot_be_asked_about() -> None:
    assert explain_request_of({"lid": "x", "campaignId": 1}) is None
    assert explain_request_of({"lid": "x", "offerId": 1}) is None
