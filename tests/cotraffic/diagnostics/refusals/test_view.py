"""Refused clicks, on the page."""

import asyncio

import redis
from django.test import Client
from django.urls import reverse
from redis.asyncio import Redis as AsyncRedis

from cotraffic.diagnostics.refusals.hourly_chart import HEIGHT, SMALLEST, by_hour
from devstack.services import Service
from offers.stats.counters import WorkerCounters
from offers.stats.types import RefusedClick

PAGE = "diagnostics:refused"
HOUR = 1_800_000_000 // 3600 * 3600


def refuse(url: str, *refusals: RefusedClick) -> None:
    counters = WorkerCounters(lambda: ({}, {}))
    for refused in refusals:
        counters.refusal(refused.reason)
        counters.keep(refused)

    async def publish() -> None:
        async with AsyncRedis.from_url(url) as connection:
            await counters.publish(connection)

    asyncio.run(publish())


def bad_token(referer: str = "https://blog.example/post") -> RefusedClick:
    return RefusedClick(1_764_000_000_000, "bad token", "the token is cut off", referer, "DE", "ab:<cd>")


UNKNOWN_OFFER = RefusedClick(
    1_764_000_000_000, "unknown offer", "offer 9 is not in the recipe", "", None, "ef:01"
)


def test_when_nothing_was_refused_it_says_so(staff_client: Client, redis_client: redis.Redis) -> None:
    assert "Every click of the last day found its way." in staff_client.get(reverse(PAGE)).text


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


def test_reasons_are_counted(staff_client: Client, redis_client: redis.Redis, redis_url: str) -> None:
    refuse(redis_url, bad_token(), bad_token(), UNKNOWN_OFFER)
    context = staff_client.get(reverse(PAGE)).context
    assert context["reasons"] == [("bad token", 2), ("unknown offer", 1)]
    assert context["total"] == 3


def test_one_reason_can_be_looked_at_alone(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, bad_token(), UNKNOWN_OFFER)
    shown = staff_client.get(reverse(PAGE), {"reason": "unknown offer"})
    assert [one.reason for one in shown.context["newest"]] == ["unknown offer"]
    assert shown.context["chart"].most == 1


def test_a_page_that_sends_many_is_named(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    refuse(redis_url, *[bad_token()] * 3, bad_token("https://once.example/"))
    referers = staff_client.get(reverse(PAGE)).context["referers"]
    assert referers == [("https://blog.example/post", "bad token", 3)]


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
