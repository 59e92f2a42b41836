"""The traffic of a chosen time on the overview: numbers that lead into their reports."""

import re
import time
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

REPORTS = reverse("diagnostics:reports")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clicks(redis_client: redis.Redis, tmp_path: Path, settings: Settings) -> None:
    """Four clicks of this hour, a quarter of them a machine's, half of them gone elsewhere."""
    settings.CLICK_ARCHIVE_DIR = str(tmp_path / "archive")
    at_ms = int(time.time() * 1000) - 60_000
    for lid, fields in (
        ("a", {"redirectType": "defaultRedirection", "offerId": 1, "payin": 2, "payout": 1.5}),
        ("b", {"redirectType": "defaultRedirection", "offerId": 1, "automatedReason": "bot"}),
        ("c", {"redirectType": "offerGeoRestriction", "offerId": 2, "originOfferId": 1}),
        ("d", {"redirectType": "offerGeoRestriction", "offerId": 2, "originOfferId": 1}),
    ):
        record = {"lid": lid, "dateAdded": at_ms, "ttl": at_ms // 1000, "campaignId": 7, **fields}
        entry: dict[Any, Any] = {"click": msgspec.json.encode(record), "unique": "1"}
        redis_client.xadd("clicks", entry, id=f"{at_ms}-*")


def counted(client: Client, query: str = "?range=hour") -> str:
    answer = client.get(reverse("diagnostics:traffic") + query)
    assert answer.status_code == 200
    return answer.text


def text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_numbers_of_a_range_are_those_of_its_clicks(staff_client: Client) -> None:
    found = text(counted(staff_client))
    for words in (
        *("Clicks 4", "Unique visits 4", "Went to another offer 2 50.0 %", "Made by machines 1 25.0 %"),
        *("Payin 2", "Payout 1.5", "as the link says 2", "country not allowed 2"),
    ):
        assert words in found, words


@pytest.mark.parametrize("range_name", ["hour", "7days"])
def test_every_number_leads_into_a_report_with_that_number(staff_client: Client, range_name: str) -> None:
    page = counted(staff_client, f"?range={range_name}")
    links = re.findall(rf'<a href="{REPORTS}\?([^"]*)">([^<]*)', page)
    assert len(links) == 8
    for address, number in links:
        assert f"range={range_name}" in address
        report = text(staff_client.get(f"{REPORTS}?{unescape(address)}").text)
        assert number in report.partition("Clicks a minute")[0] + report.partition(", 1 row")[2]


def test_the_page_has_the_ranges_and_says_which_is_chosen(staff_client: Client) -> None:
    page = staff_client.get(reverse("diagnostics:overview"), {"range": "7days"}).text
    assert 'aria-current="true">The last 7 days</a>' in page
    assert f"{reverse('diagnostics:traffic')}?range=7days" in page
    page = staff_client.get(reverse("diagnostics:overview"), {"range": "<junk>"}).text
    assert 'aria-current="true">Today</a>' in page


def test_a_time_without_clicks_says_so(staff_client: Client) -> None:
    assert "No click came in this time." in counted(staff_client, "?range=yesterday")


def test_a_cookie_that_names_no_zone_does_no_harm(staff_client: Client) -> None:
    staff_client.cookies["zone"] = "Nowhere"
    assert "Days are those of UTC." in text(counted(staff_client))


def test_while_redis_is_away_it_says_so(staff_client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert "Redis does not answer, and the newest clicks are there" in text(counted(staff_client))
