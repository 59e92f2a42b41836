"""The newest clicks, on the page and as they come."""

import json
import re
import time
from html import unescape
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse

from devstack.services import Service
from offers.click_log.recent import EXAMINED_AT_MOST, SHOWN_AT_MOST, Wanted, recent_clicks
from offers.click_log.stream import ClickLog
from offers.spool.types import PendingClick
from offers.stats.types import BUCKET_SECONDS

OTHER_LID = "abcdef01-0000-4000-8000-000000000000"
PAGE, NEW = "diagnostics:clicks", "diagnostics:new_clicks"


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    return ClickLog(redis_client)


def lid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def add(log: ClickLog, number: int, unique: str = "0", **fields: Any) -> None:
    record = {
        "lid": lid(number),
        "dateAdded": 1_764_000_000_000,
        "offerId": 101,
        "offerName": "Alpine <Hiking> Shop",
        "campaignId": 5101,
        "affiliateId": 2018,
        "country": "US",
        "redirectType": "defaultRedirection",
        "payin": 5.5,
        "payout": 3.75,
    }
    log.append([PendingClick(json.dumps(record | fields).encode(), unique=unique)])


def add_many(log: ClickLog, count: int, **fields: Any) -> None:
    for number in range(count):
        add(log, number, **fields)


def lids(log: ClickLog, wanted: Wanted) -> list[str]:
    return [click.lid for click in recent_clicks(log, wanted).clicks]


def test_the_newest_come_first(log: ClickLog) -> None:
    add_many(log, 3)
    assert lids(log, Wanted()) == [lid(2), lid(1), lid(0)]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(offer=7),
        Wanted(campaign=7),
        Wanted(affiliate=7),
        Wanted(country="DE"),
        Wanted(redirect_type="offerGeoRestriction"),
        Wanted(unique=True),
        Wanted(isp="telekom"),
        Wanted(subid="NEWS"),
        Wanted(lid="ABCDEF01"),
    ],
)
def test_each_filter_leaves_what_fits(log: ClickLog, wanted: Wanted) -> None:
    add(log, 1)
    add(
        log,
        2,
        unique="1",
        offerId=7,
        campaignId=7,
        affiliateId=7,
        country="DE",
        redirectType="offerGeoRestriction",
        isp="Deutsche Telekom AG",
        subCampaign="newsletter-7",
        lid=OTHER_LID,
    )
    assert lids(log, wanted) == [OTHER_LID]


def test_an_offer_is_found_by_the_clicks_it_could_not_have(log: ClickLog) -> None:
    add(log, 1, offerId=190, originOfferId=102)
    assert lids(log, Wanted(offer=102)) == [lid(1)]
    assert lids(log, Wanted(offer=190)) == [lid(1)]


def test_a_visitor_that_counts_as_unique_is_unique(log: ClickLog) -> None:
    for number, unique in enumerate(["1", "0", "", "assumed"]):
        add(log, number, unique=unique)
    assert lids(log, Wanted(unique=True)) == [lid(3), lid(0)]
    assert lids(log, Wanted(unique=False)) == [lid(1)]


def test_only_what_came_after_is_given_again(log: ClickLog) -> None:
    add(log, 1)
    first = recent_clicks(log, Wanted())
    add(log, 2)
    second = recent_clicks(log, Wanted(), first.newest)
    assert [click.lid for click in second.clicks] == [lid(2)]
    third = recent_clicks(log, Wanted(), second.newest)
    assert (third.clicks, third.newest) == ([], second.newest)


def test_a_rare_click_is_looked_for_so_far_and_no_further(log: ClickLog) -> None:
    add(log, 1, country="DE")
    add_many(log, EXAMINED_AT_MOST)
    found = recent_clicks(log, Wanted(country="DE"))
    assert (found.clicks, found.examined, found.is_all) == ([], EXAMINED_AT_MOST, False)


def test_of_a_flood_the_newest_are_shown(log: ClickLog) -> None:
    add_many(log, 300)
    found = recent_clicks(log, Wanted())
    assert len(found.clicks) == SHOWN_AT_MOST
    assert not found.is_all


def test_older_clicks_go_on_where_the_newer_ones_end(log: ClickLog) -> None:
    add_many(log, SHOWN_AT_MOST + 10)
    first = recent_clicks(log, Wanted())
    second = recent_clicks(log, Wanted(), before=first.older)
    found = [click.lid for click in (*first.clicks, *second.clicks)]
    assert found == [lid(number) for number in reversed(range(SHOWN_AT_MOST + 10))]
    assert second.is_all


def test_a_rare_click_is_found_further_back(log: ClickLog) -> None:
    add(log, 1, country="DE")
    add_many(log, EXAMINED_AT_MOST)
    first = recent_clicks(log, Wanted(country="DE"))
    assert first.reached_ms > 0
    assert [click.lid for click in recent_clicks(log, Wanted(country="DE"), before=first.older).clicks] == [
        lid(1)
    ]


def test_what_is_no_click_is_left_out(log: ClickLog) -> None:
    log.append([PendingClick(b"no json", unique="0"), PendingClick(b'{"lid": 7}', unique="0")])
    add(log, 1)
    assert lids(log, Wanted()) == [lid(1)]


def test_an_empty_log_says_how_clicks_come(staff_client: Client, redis_client: redis.Redis) -> None:
    assert "No clicks yet." in staff_client.get(reverse(PAGE)).text


def test_each_click_leads_to_its_page(staff_client: Client, log: ClickLog) -> None:
    add(log, 1)
    shown = staff_client.get(reverse(PAGE)).text
    entry = log.newest(1)[0]
    assert f'href="{reverse("diagnostics:click", args=[lid(1)])}?entry={entry.id}"' in shown
    assert "Alpine &lt;Hiking&gt; Shop" in shown


def test_a_filter_without_a_match_says_so(staff_client: Client, log: ClickLog) -> None:
    add(log, 1)
    shown = staff_client.get(reverse(PAGE), {"country": "de"}).text
    assert "No click among the newest fits." in shown
    assert 'value="de"' in shown


def test_the_page_leads_to_older_clicks_and_back(staff_client: Client, log: ClickLog) -> None:
    add_many(log, SHOWN_AT_MOST + 1, country="DE")
    shown = staff_client.get(reverse(PAGE), {"country": "de"}).text
    found = re.search(r'href="([^"]*before=[^"]*)"', shown)
    assert found
    older = staff_client.get(unescape(found[1])).text
    assert "1 older that fit" in " ".join(older.split())
    assert lid(0)[:8] in older
    assert 'id="pause"' not in older
    assert f'href="{reverse(PAGE)}?country=de">Newest clicks' in older


def test_redirect_types_are_chosen_in_words_with_their_counts(
    staff_client: Client, redis_client: redis.Redis
) -> None:
    number = int(time.time()) // BUCKET_SECONDS
    redis_client.hset(f"stats:bucket:{number}", mapping={"type:offerGeoRestriction": 12, "type:ourOwn": 3})
    shown = staff_client.get(reverse(PAGE), {"redirect_type": "ourOwn"}).text
    assert '<option value="offerGeoRestriction">country not allowed (12 in the last hour)</option>' in shown
    assert '<option value="ourOwn" selected>ourOwn (3 in the last hour)</option>' in shown


def test_a_click_says_where_it_went(staff_client: Client, log: ClickLog) -> None:
    add(log, 1, landingPageUrl="https://shop.example/tents/?a=1#b")
    assert "shop.example/tents</td>" in staff_client.get(reverse(PAGE)).text


def test_a_filter_that_cannot_be_says_why(staff_client: Client, redis_client: redis.Redis) -> None:
    shown = staff_client.get(reverse(PAGE), {"offer": "hiking"})
    assert shown.status_code == 400
    assert "Offer is chosen by its id, a number" in shown.text
    assert staff_client.get(reverse(NEW), {"offer": "hiking"}).status_code == 400
    assert 'aria-describedby="wrong_lid"' in staff_client.get(reverse(PAGE), {"lid": "xyz"}).text


@pytest.mark.parametrize("entry", ["yesterday", "99999999999999999999-1", "٣-1", "0-0"])
def test_an_entry_that_cannot_be_is_told_and_not_taken_for_a_redis_that_is_away(
    staff_client: Client, redis_client: redis.Redis, entry: str
) -> None:
    page = staff_client.get(reverse(PAGE), {"before": entry})
    new = staff_client.get(reverse(NEW), {"after": entry})
    assert (page.status_code, new.status_code) == (400, 400)
    assert "before is the id of an entry in the log" in page.text
    assert "after is the id of an entry in the log" in new.json()["problem"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("offer", "-5"),
        ("campaign", "9" * 19),
        ("affiliate", "x"),
        ("country", "DEU"),
        ("unique", "perhaps"),
        ("made_by", "cat"),
        ("lid", "xyz"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    staff_client: Client, redis_client: redis.Redis, field: str, value: str
) -> None:
    answer = staff_client.get(reverse(PAGE), {field: value, "isp": "telekom"})
    assert answer.status_code == 400
    assert f'aria-invalid="true" aria-describedby="wrong_{field}"' in answer.text
    assert f'<p class="wrong" id="wrong_{field}">' in answer.text
    assert answer.text.count("aria-invalid") == 1
    assert 'value="telekom"' in answer.text


def test_everything_that_is_wrong_is_said_at_once(staff_client: Client, redis_client: redis.Redis) -> None:
    shown = staff_client.get(reverse(PAGE), {"offer": "a", "country": "1"}).text
    assert shown.count('class="wrong"') == 2


def test_new_clicks_come_as_rows(staff_client: Client, log: ClickLog) -> None:
    add(log, 1)
    newest = recent_clicks(log, Wanted()).newest
    add(log, 2)
    found = staff_client.get(reverse(NEW), {"after": newest}).json()
    assert found["shown"] == 1
    assert lid(2)[:8] in found["rows"]
    assert found["newest"] > newest


def test_a_dead_redis_is_said(staff_client: Client, valkey: Service) -> None:
    valkey.kill()
    try:
        page = staff_client.get(reverse(PAGE))
        new = staff_client.get(reverse(NEW))
    finally:
        valkey.start()
    assert (page.status_code, "Redis does not answer" in page.text) == (200, True)
    assert (new.status_code, "Redis does not answer" in new.json()["problem"]) == (503, True)
