"""The overview: what each part says of itself, and a page that stands whatever is away."""

import time

import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cotraffic.diagnostics.overview import look
from cotraffic.diagnostics.overview.component import sources
from cotraffic.ops.heartbeats import BEAT, Heartbeat, publish_heartbeat
from devstack.services import Service
from offers.stats.types import OpenDatabase
from tests.cotraffic.diagnostics.looking import parts, publish


def test_an_empty_instance_says_what_is_missing_and_what_to_do(redis_client: redis.Redis) -> None:
    found = parts()
    assert (found["recipe-offers"].state, found["listener"].state) == ("error", "error")
    assert "status 503" in found["recipe-offers"].sentence
    assert "recipe_sync offers" in found["recipe-offers"].hint
    assert "recipe_listen" in found["listener"].hint
    assert "celery -A cotraffic worker" in found["celery-worker"].hint
    assert "celery -A cotraffic beat" in found["celery-beat"].hint


def test_geoip_is_what_the_workers_have_open(redis_client: redis.Redis, redis_url: str) -> None:
    fresh, old = int(time.time()) - 3_600, int(time.time()) - 90 * 86_400
    publish(
        redis_url,
        databases=[
            OpenDatabase("/geo/City.mmdb", "GeoIP2-City", fresh),
            OpenDatabase("/geo/ISP.mmdb", "GeoIP2-ISP", old),
        ],
    )
    found = parts()
    assert found["geoip-city"].sentence == "GeoIP2-City, built 1 h ago."
    assert (found["geoip-isp"].state, "90 days old" in found["geoip-isp"].sentence) == ("warning", True)


def test_a_missing_geoip_file_says_what_to_do(redis_client: redis.Redis, settings: Settings) -> None:
    settings.MAXMIND_PATH = "/nowhere/City.mmdb"
    city = parts()["geoip-city"]
    assert (city.state, "GeoLite2 City" in city.hint) == ("error", True)


def heartbeat(name: str, seconds_ago: float, last_task_s: float | None = None) -> Heartbeat:
    now = time.time()
    return Heartbeat(name, 7, now - 3_600, now - seconds_ago, [], 12, last_task_s)


def test_celery_that_beats_is_well(redis_client: redis.Redis) -> None:
    publish_heartbeat(redis_client, heartbeat(BEAT, 2, time.time()))
    publish_heartbeat(redis_client, heartbeat("celery@one", 2))
    found = parts()
    assert (found["celery-beat"].state, found["celery-celery@one"].state) == ("ok", "ok")


def test_celery_that_is_silent_is_wrong(redis_client: redis.Redis) -> None:
    publish_heartbeat(redis_client, heartbeat(BEAT, 200))
    publish_heartbeat(redis_client, heartbeat("celery@one", 200))
    found = parts()
    assert found["celery-beat"].sentence == "Not heard of for 3 min 20 s."
    assert found["celery-celery@one"].state == "error"


def test_a_beat_that_sends_nothing_is_told(redis_client: redis.Redis) -> None:
    publish_heartbeat(redis_client, heartbeat(BEAT, 2, time.time() - 120))
    assert "no task for 2 min" in parts()["celery-beat"].sentence


def test_a_worker_that_was_replaced_is_not_held_against_the_new_one(redis_client: redis.Redis) -> None:
    publish_heartbeat(redis_client, heartbeat("celery@old", 500))
    publish_heartbeat(redis_client, heartbeat("celery@new", 2))
    assert [key for key in parts() if key.startswith("celery-celery@")] == ["celery-celery@new"]


def test_web_workers_are_listed(staff_client: Client, redis_client: redis.Redis, redis_url: str) -> None:
    publish(redis_url)
    shown = staff_client.get(reverse("diagnostics:overview")).text
    assert "90 % known" in shown
    assert "Tokens remembered" in shown


def test_the_worst_comes_first_in_the_verdict(redis_client: redis.Redis) -> None:
    overview = look(sources())
    states = [part.state for part in overview.wrong]
    assert states == sorted(states, key=["error", "warning"].index)
    assert overview.state == "error"


def test_charts_give_the_hour_and_then_only_what_is_new(
    staff_client: Client, redis_client: redis.Redis, redis_url: str
) -> None:
    publish(redis_url)
    url = reverse("diagnostics:charts")
    found = staff_client.get(url).json()
    assert len(found["slots"]) == found["kept"] == 360
    [busy] = [slot for slot in found["slots"] if slot["clicks"]]
    assert (busy["types"], busy["latency"]) == ({"defaultRedirection": 1}, [0.5, 0.5, 0.5])
    later = staff_client.get(url, {"since": found["slots"][-2]["start"]}).json()
    assert 2 <= len(later["slots"]) <= 3


def test_charts_of_no_time_are_refused(staff_client: Client, redis_client: redis.Redis) -> None:
    for since in ("noon", "inf", "1e400", "nan"):
        assert staff_client.get(reverse("diagnostics:charts"), {"since": since}).status_code == 400


def test_a_dead_redis_still_shows_the_page_and_what_is_known_without_it(
    staff_client: Client, valkey: Service, geoip_databases: None
) -> None:
    valkey.kill()
    try:
        page = staff_client.get(reverse("diagnostics:overview"))
        fragment = staff_client.get(reverse("diagnostics:parts"))
        charts = staff_client.get(reverse("diagnostics:charts"))
        found = parts()
    finally:
        valkey.start()
    assert page.status_code == 200
    assert fragment.status_code == 200
    assert "Redis does not answer." in page.text
    assert "REDIS_URL" in page.text
    assert found["redis"].state == "error"
    assert found["Recipe"].state == "unknown"
    assert (found["spool"].state, found["geoip-city"].state) == ("ok", "ok")
    assert (charts.status_code, "Redis does not answer" in charts.json()["problem"]) == (503, True)
