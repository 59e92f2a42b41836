"""Live caps as staff see them: explained, on a record's page, in debug answers."""

import asyncio
import json

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cotraffic.diagnostics.explain.request import read_explain_request
from cotraffic.diagnostics.explain.result import Explanation
from cotraffic.diagnostics.explain.text import lines
from devstack.services import LOCALHOST, free_port
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.http.debug import debug_answer
from offers.links.tokens import encrypt
from offers.request import read_click
from tests.environment import ENCRYPTION_KEY
from tests.offers.explaining import explain_once
from tests.offers.live_caps.workers import (
    CAMPAIGN,
    CAPPED,
    campaign_blob,
    cap_info,
    capped_offer,
    clicks,
    exit_offer,
    go_live,
    workers,
)


@pytest.fixture(autouse=True)
def _is_on(settings: Settings, redis_url: str, geoip_databases: None) -> None:
    settings.LIVE_CAPS, settings.REDIS_URL, settings.SHARED_REDIS_URL = True, redis_url, ""
    settings.CLICK_COMMIT_TIMEOUT_MS = 20_000


def click_often(count: int) -> None:
    async def scenario() -> None:
        async with workers() as (worker,):
            await clicks([worker], count)

    asyncio.run(scenario())


def explained() -> Explanation:
    texts = {"offer": str(CAPPED), "campaign": str(CAMPAIGN), "address": "192.0.2.1"}
    return asyncio.run(explain_once(read_explain_request(texts)))


def test_an_explanation_counts_what_other_workers_have_counted(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(10, 4), exit_offer(**cap_info(50)), campaign=campaign_blob())
    click_often(8)
    explanation = explained()
    assert explanation.outcome
    assert explanation.outcome.redirect_type == "capsOfferOverLimit"
    assert "4 clicks of the day in the recipe and 6 counted live" in explanation.outcome.redirect_reason
    stands = [
        (capped.record.id, limit.current, limit.counted, limit.limit)
        for capped in explanation.live_caps
        for limit in capped.limits
    ]
    assert stands == [(CAPPED, 4, 6, 10), (2, 0, 2, 50)]
    text = "\n".join(lines(explanation, 200))
    assert "10 of 10 clicks today: 4 in the recipe, as of an unknown time, and 6 counted live since" in text
    assert "the limit is reached" in text


def test_an_explanation_says_that_the_counts_are_out_of_reach(
    redis_client: redis.Redis, settings: Settings
) -> None:
    go_live(redis_client, capped_offer(10, 4), exit_offer())
    settings.SHARED_REDIS_URL = f"redis://{LOCALHOST}:{free_port()}/0"
    explanation = explained()
    assert explanation.live_caps_problem
    assert "out of reach" in "\n".join(lines(explanation, 200))


def test_a_debug_answer_is_by_the_counts_of_this_moment(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(3), exit_offer())
    click_often(3)

    async def answer() -> tuple[int, bytes]:
        client = open_redis()
        try:
            query = b"ad=" + encrypt(CAPPED, CAMPAIGN, ENCRYPTION_KEY).encode()
            handler = build_handler(client, build_click_writer())
            return await debug_answer(handler, read_click(query, (), "192.0.2.1"))
        finally:
            await client.aclose()

    status, body = asyncio.run(answer())
    assert (status, json.loads(body)["data"]["decision"]["capsType"]) == (200, "capsOfferOverLimit")


@pytest.fixture
def _six_clicks(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(10, 4), exit_offer())
    click_often(7)


@pytest.mark.usefixtures("_six_clicks")
def test_the_page_of_a_record_has_its_limits(staff_client: Client) -> None:
    page = staff_client.get(reverse("diagnostics:record", args=["offers", CAPPED])).text
    assert "10 of 10 clicks today: 4 in the recipe, as of an unknown time, and 6 counted live" in page
    assert "reached" in page


def test_the_rules_of_a_record_are_those_that_clicks_meet(
    staff_client: Client, redis_client: redis.Redis
) -> None:
    go_live(redis_client, capped_offer(10, 4), exit_offer(), campaign=campaign_blob())
    address = reverse("diagnostics:record", args=["offers", CAPPED])
    assert "under its limit" in staff_client.get(address).text
    click_often(6)
    assert "over its limit" in staff_client.get(address).text


@pytest.mark.usefixtures("_six_clicks")
def test_the_page_says_that_the_shared_redis_is_away(staff_client: Client, settings: Settings) -> None:
    settings.SHARED_REDIS_URL = f"redis://{LOCALHOST}:{free_port()}/0"
    page = staff_client.get(reverse("diagnostics:record", args=["offers", CAPPED])).text
    assert "The live counts are out of reach" in page


@pytest.mark.usefixtures("_six_clicks")
def test_without_live_caps_the_page_has_no_word_of_them(staff_client: Client, settings: Settings) -> None:
    settings.LIVE_CAPS = False
    page = staff_client.get(reverse("diagnostics:record", args=["offers", CAPPED])).text
    assert "4 of 10 clicks today, as of an unknown time" in page
    assert "counted live" not in page


def test_the_explain_page_has_the_limits_of_the_click(
    redis_client: redis.Redis, staff_client: Client
) -> None:
    go_live(redis_client, capped_offer(10, 4), exit_offer())
    click_often(2)
    query = {"offer": str(CAPPED), "campaign": str(CAMPAIGN), "address": "192.0.2.1"}
    page = " ".join(staff_client.get(reverse("diagnostics:explain"), query).text.split())
    assert "Caps of" in page
    assert "6 of 10 clicks today: 4 in the recipe, as of an unknown time, and 2 counted live" in page
