"""Refused clicks, on the page."""

import asyncio
import re
import time

import msgspec
import pytest
import redis
from django.test import Client
from django.urls import reverse
from redis.asyncio import Redis as AsyncRedis

from cotraffic.diagnostics.refusals.groups import day_of, host_of
from cotraffic.diagnostics.refusals.hourly_chart import HEIGHT, SMALLEST, by_hour
from cotraffic.diagnostics.refusals.view import ROWS_A_PAGE
from devstack.services import Service
from offers.stats.counters import WorkerCounters
from offers.stats.types import RefusedClick

PAGE = "diagnostics:refused"
HOUR = 1_800_000_000 // 3600 * 3600


def refuse(url: str, *refusals: RefusedClick) -> None:
    counters = WorkerCounters(lambda: ({}, {}))

    async def publish() -> None:
        async with AsyncRedis.from_url(url) as connection:
            for refused in refusals:
                counters.refusal(refused.reason)
                counters.keep(refused)
                await counters.publish(connection)

    asyncio.run(publish())


def bad_token(referer: str = "https://blog.example/post") -> RefusedClick:
    return RefusedClick(1_764_000_000_000, "bad token", "the token is cut off", referer, "DE", "ab:<cd>")


UNKNOWN_OFFER = RefusedClick(
    1_764_000_000_000, "unknown offer", "offer 9 is not in the recipe", "", None, "ef:01"
)
BLOCKED = RefusedClick(
    *(1_764_000_000_000, "blocked affiliate", "affiliate 2017 is blacklisted", "", "DE", "ab:01"),
    *(101, 5125, 2017),
)


def dated(refused: RefusedClick) -> RefusedClick:
    """The same click, of now."""
    return msgspec.structs.replace(refused, at_ms=time.time_ns() // 1_000_000)


def numbered(at: int) -> RefusedClick:
    return msgspec.structs.replace(bad_token(), at_ms=at + 1)


def test_when_nothing_was_refused_it_says_so(staff_client: Client, redis_client: redis.Redis) -> None:
    assert "Every click of the last days found its way." in staff_client.get(reverse(PAGE)).text


def test_each_refused_click_is_shown_with_what_helps_to_find_its_advert(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, bad_token())
    shown = staff_client.get(reverse(PAGE)).text
    for words in (
        "bad token",
        "the token is cut off",
        "https://blog.example/post",
        ">DE<",
        "2025-11-24 16:00:00 UTC",
    ):
        assert words in shown
    # What a stranger sent is text, whatever it looks like.
    assert "ab:&lt;cd&gt;" in shown
    assert "<cd>" not in shown


def groups(client: Client, name: str, **chosen: str) -> list[tuple[str, int]]:
    """What the page says of one sort of groups: their words and counts."""
    found = client.get(reverse(PAGE), chosen).context["all_groups"]
    [sort] = [sort for sort in found if sort.name == name]
    return [(group.text, group.count) for group in sort.groups]


def rows(client: Client, **query: str) -> list[RefusedClick]:
    shown: list[RefusedClick] = client.get(reverse(PAGE), query).context["rows"]
    return shown


def test_reasons_are_counted_in_words(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, bad_token(), bad_token(), UNKNOWN_OFFER)
    assert groups(staff_client, "reason") == [("broken link", 2), ("offer not in the recipe", 1)]
    assert staff_client.get(reverse(PAGE)).context["total"] == 3


def test_days_are_counted_without_their_rows(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, bad_token())
    hour = int(time.time()) // 3600
    redis_client.hincrby(f"stats:refused:{hour - 48}", "unknown offer", 5)
    today, before = day_of(hour * 3600), day_of((hour - 48) * 3600)
    assert groups(staff_client, "day") == [(today, 1), (before, 5)]
    assert groups(staff_client, "reason", day=before) == [("offer not in the recipe", 5)]
    assert groups(staff_client, "day", reason="unknown offer") == [(before, 5)]


def test_clicks_that_were_not_kept_are_counted_all_the_same(
    staff_client: Client, redis_client: redis.Redis
) -> None:
    redis_client.hincrby(f"stats:refused:{int(time.time()) // 3600}", "bad token", 70_000)
    shown = staff_client.get(reverse(PAGE), {"reason": "bad token"}).text
    assert "70,000" in shown
    assert "None of the newest fits." in shown


def test_a_host_that_sends_many_is_named_with_the_page_they_come_from(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    post, once = "https://Blog.example/post", "https://blog.example/once"
    refuse(redis_url, bad_token(post), bad_token(post), bad_token(once), UNKNOWN_OFFER)
    assert groups(staff_client, "referer") == [("blog.example", 3), ("no referer", 1)]
    assert post in staff_client.get(reverse(PAGE)).text
    assert groups(staff_client, "reason", referer="blog.example") == [("broken link", 3)]
    assert [one.referer for one in rows(staff_client, referer="-")] == [""]


def test_an_affiliate_is_named_where_the_link_could_be_read(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, BLOCKED, BLOCKED, bad_token())
    assert groups(staff_client, "affiliate") == [("2017", 2), ("not known", 1)]
    assert {one.reason for one in rows(staff_client, affiliate="2017")} == {"blocked affiliate"}
    shown = staff_client.get(reverse(PAGE), {"affiliate": "2017"}).text
    assert reverse("diagnostics:record", args=["offers", 101]) in shown
    assert reverse("diagnostics:record", args=["campaigns", 5125]) in shown


def test_every_group_leads_to_its_rows(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, dated(BLOCKED), dated(bad_token()), dated(UNKNOWN_OFFER), dated(BLOCKED))
    for sort in staff_client.get(reverse(PAGE)).context["all_groups"]:
        for group in sort.groups:
            found = staff_client.get(f"{reverse(PAGE)}?{group.address}").context
            assert found["fitting"] == group.count, (sort.name, group.text)


def test_choices_are_named_and_can_be_taken_back(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, BLOCKED, bad_token())
    context = staff_client.get(reverse(PAGE), {"reason": "blocked affiliate", "affiliate": "2017"}).context
    assert context["choices"] == [
        ("Reason", "affiliate blocked", "affiliate=2017"),
        ("Affiliate", "2017", "reason=blocked+affiliate"),
    ]


def test_rows_say_how_far_they_go_back(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, bad_token(), UNKNOWN_OFFER)
    text = " ".join(re.sub(r"<[^>]*>", " ", staff_client.get(reverse(PAGE)).text).split())
    assert re.search(r"2 of the newest 2, back to .* ago 2025-11-24 16:00:00 UTC", text)


def test_a_page_of_rows_stays_what_it_is_while_new_ones_come(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, *(numbered(at) for at in range(ROWS_A_PAGE + 5)))
    first = staff_client.get(reverse(PAGE)).context
    assert (len(first["rows"]), first["page_count"], first["newer"]) == (ROWS_A_PAGE, 2, None)
    second = f"{reverse(PAGE)}?{first['older']}"
    before = staff_client.get(second)
    assert [one.at_ms for one in before.context["rows"]] == [5, 4, 3, 2, 1]
    assert "data-refresh" not in before.text
    refuse(redis_url, *(numbered(at) for at in range(100, 110)))
    assert staff_client.get(second).context["rows"] == before.context["rows"]


@pytest.mark.parametrize(
    ("referer", "host"),
    [
        ("https://News.Example:8443/a?b", "news.example"),
        ("android-app://com.mail", "com.mail"),
        ("https://[broken", "-"),
        ("no address", "-"),
        ("", "-"),
    ],
)
def test_the_host_of_a_referer_is_read_whatever_it_is(referer: str, host: str) -> None:
    assert host_of(referer) == host


def test_the_part_that_refreshes_is_the_page_without_its_frame(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, bad_token())
    fragment = staff_client.get(reverse("diagnostics:refusals")).text
    assert "bad token" in fragment
    assert "<html" not in fragment


def test_a_dead_redis_is_said(staff_client: Client, valkey: Service) -> None:
    valkey.kill()
    try:
        answer = staff_client.get(reverse(PAGE))
    finally:
        valkey.start()
    assert answer.status_code == 200
    assert "Redis does not answer." in answer.text
    assert "REDIS_URL" in answer.text


def test_the_highest_bar_is_as_high_as_the_picture_and_none_is_invisible() -> None:
    hours = by_hour([(HOUR, {"bad token": 1}), (HOUR + 3600, {"bad token": 600, "other": 400})])
    assert [bar.height for bar in hours.bars] == [SMALLEST, HEIGHT]
    assert hours.most == 1_000


def test_hours_without_any_have_no_bar() -> None:
    hours = by_hour([(HOUR, {})])
    assert (hours.most, hours.bars[0].height) == (0, 0)
