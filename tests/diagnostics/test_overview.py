"""The overview: what each part says of itself, and a page that stands whatever is away."""

import asyncio
import time
from pathlib import Path

import pytest
import redis
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from redis.asyncio import Redis as AsyncRedis

from cotraffic.diagnostics.parts import look
from cotraffic.diagnostics.parts.part import Part, sources
from cotraffic.heartbeats import BEAT, Heartbeat, tell
from devstack.services import Service
from offers.click_log import ClickLog
from offers.pulse import Cache, OpenDatabase, Pulse
from offers.spool import SUFFIX
from recipes.live import Hold, RecipeKind, RecipeMeta
from recipes.states import HostState, ListenerState, SyncState
from recipes.store import RecipeStore
from tests.recipe import make_live, offer_blob

OFFERS = RecipeKind.OFFERS


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    return RecipeStore(redis_client)


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    return ClickLog(redis_client)


def parts() -> dict[str, Part]:
    return {part.key: part for part in look(sources()).parts}


def fact(part: Part, label: str) -> str:
    [found] = [fact for fact in part.facts if fact.label == label]
    return found.text or "\n".join(found.lines)


def publish(url: str, **worker: object) -> None:
    """A worker that tells of itself."""
    commits = {"logged": 5, "spooled": 0, "lost": 0} | worker.get("commits", {})  # type: ignore[operator]
    databases = worker.get("databases", [])
    pulse = Pulse(lambda: ({"tokens": Cache(5, 10, 9, 1)}, commits), lambda: databases)  # type: ignore[arg-type,return-value]
    pulse.click("defaultRedirection", 0.0004)

    async def once() -> None:
        async with AsyncRedis.from_url(url) as connection:
            await pulse.publish(connection)

    asyncio.run(once())


def test_an_empty_instance_says_what_is_missing_and_what_to_do(redis_client: redis.Redis) -> None:
    found = parts()
    assert (found["recipe-offers"].state, found["listener"].state) == ("error", "error")
    assert "status 503" in found["recipe-offers"].sentence
    assert "recipe_sync offers" in found["recipe-offers"].hint
    assert "recipe_listen" in found["listener"].hint
    assert "celery -A cotraffic worker" in found["celery-worker"].hint
    assert "celery -A cotraffic beat" in found["celery-beat"].hint


def test_what_is_well_needs_no_hint(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    meta = RecipeMeta(
        count=1,
        announced_size=162394,
        last_modified_ms=now_ms() - 7_300_000,
        loaded_at_ms=now_ms(),
        checked_at_ms=now_ms(),
        took_ms=120,
        source="S3",
        size_bytes=2_000,
    )
    store.swap(writer, meta)
    offers = parts()["recipe-offers"]
    assert (offers.state, offers.hint) == ("ok", "")
    assert fact(offers, "Generation") == "1"
    assert fact(offers, "Announced size") == "162,394"
    assert fact(offers, "Loading took") == "120 ms"
    assert fact(offers, "From") == "S3, 2 kB"
    assert "2 h" in fact(offers, "Age of the file")


def test_a_recipe_that_could_not_be_replaced_is_a_warning_with_its_reason(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    store.amend_meta(OFFERS, last_error="offers: the file is no gzip", last_error_at_ms=now_ms())
    offers = parts()["recipe-offers"]
    assert (offers.state, "the file is no gzip" in offers.sentence) == ("warning", True)


def test_rejected_records_are_named_with_their_reasons(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    store.amend_meta(
        OFFERS, loaded_at_ms=now_ms(), rejected={"no usable id": 3}, rejections=["record 7: no usable id"]
    )
    offers = parts()["recipe-offers"]
    assert offers.state == "warning"
    assert fact(offers, "Rejected records") == "3: no usable id\nfor example record 7: no usable id"


def test_a_recipe_on_hold_is_not_said_to_be_what_s3_has(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    store.amend_meta(OFFERS, loaded_at_ms=now_ms(), checked_at_ms=now_ms())
    assert parts()["recipe-offers"].state == "ok"
    store.hold(OFFERS, Hold("sam", now_ms(), etag="left"))
    offers = parts()["recipe-offers"]
    assert (offers.state, "sam decided to leave the file in S3" in offers.sentence) == ("warning", True)


def test_a_recipe_that_nobody_compares_grows_stale(store: RecipeStore, settings: Settings) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    old_ms = now_ms() - int(settings.RECIPE_STALE_SECONDS * 1000) - 60_000
    store.amend_meta(OFFERS, loaded_at_ms=old_ms, checked_at_ms=old_ms)
    assert "not compared with S3 for" in parts()["recipe-offers"].sentence


def host(connected: bool, error: str | None = None) -> HostState:
    since = now_ms() if connected else None
    return HostState(
        "http://staff:secret@corecipe.example:3001", since, now_ms(), now_ms(), "offers: 5", error
    )


def listener(*hosts: HostState, **syncs: SyncState) -> ListenerState:
    return ListenerState(7, now_ms(), list(hosts), {"applied": 2}, 0, syncs)


def test_co_recipe_is_connected(store: RecipeStore) -> None:
    store.publish_listener_state(listener(host(True)))
    found = parts()
    assert found["corecipe-master"].state == "ok"
    assert found["corecipe-slave"].state == "off"
    assert found["listener"].sentence == "Listens, and has applied 2 updates."


def test_secrets_in_an_address_are_not_shown(store: RecipeStore) -> None:
    store.publish_listener_state(listener(host(True)))
    assert fact(parts()["corecipe-master"], "Address") == "corecipe.example:3001"


@pytest.mark.parametrize(("slave_is_connected", "state"), [(True, "warning"), (False, "error")])
def test_a_master_that_is_away_is_worse_without_a_slave(
    store: RecipeStore, slave_is_connected: bool, state: str
) -> None:
    store.publish_listener_state(listener(host(False, "refused"), host(slave_is_connected)))
    master = parts()["corecipe-master"]
    assert (master.state, "refused" in master.sentence) == (state, True)
    assert "SOCKET_HOST" in master.hint


def test_s3_tells_how_the_last_look_went(store: RecipeStore) -> None:
    assert parts()["s3"].state == "warning"
    store.note_s3(now_ms(), None)
    assert parts()["s3"].state == "ok"
    store.note_s3(now_ms(), "there is no bucket b; check S3_BUCKET_NAME")
    assert (parts()["s3"].state, "check S3_BUCKET_NAME" in parts()["s3"].sentence) == ("error", True)


def test_clicks_that_wait_too_long_are_told(log: ClickLog, redis_client: redis.Redis) -> None:
    log.append(['{"lid":"9ed72f87"}', "", "0", ""])
    assert parts()["dynamodb"].state == "ok"
    old = f"{now_ms() - 7_300_000}-0"
    redis_client.delete("clicks")
    redis_client.xadd("clicks", {"click": "{}", "unique": "0"}, id=old)
    delivery = parts()["dynamodb"]
    assert (delivery.state, "the oldest for 2 h" in delivery.sentence) == ("error", True)


def test_a_dynamodb_that_takes_nothing_says_why(log: ClickLog) -> None:
    log.note_table("DynamoDB refuses us; check AWS_DYNAMODB_TABLE_NAME")
    delivery = parts()["dynamodb"]
    assert (delivery.state, "AWS_DYNAMODB_TABLE_NAME" in delivery.sentence) == ("error", True)


def test_lost_clicks_are_red(staff_client: Client, redis_client: redis.Redis, redis_url: str) -> None:
    redis_client.hset("clicks:totals", "lost", 3)
    publish(redis_url, commits={"lost": 3})
    delivery = parts()["dynamodb"]
    assert (delivery.state, delivery.sentence) == ("error", "3 clicks lost since the workers started.")
    shown = staff_client.get(reverse("diagnostics:overview")).text
    assert '<dd class="is-error">3</dd>' in shown
    assert '<td class="num is-error">3</td>' in shown


def test_clicks_lost_long_ago_are_not_forgotten(redis_client: redis.Redis) -> None:
    redis_client.hset("clicks:totals", "lost", 3)
    assert parts()["dynamodb"].state == "warning"


def test_clicks_in_the_spool_are_told(redis_client: redis.Redis, settings: Settings, tmp_path: Path) -> None:
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    assert parts()["spool"].state == "ok"
    (tmp_path / f"one{SUFFIX}").write_bytes(b"{}\n{}\n")
    assert parts()["spool"].sentence == "2 clicks waiting on disk for Redis."


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
    tell(redis_client, heartbeat(BEAT, 2, time.time()))
    tell(redis_client, heartbeat("celery@one", 2))
    found = parts()
    assert (found["celery-beat"].state, found["celery-celery@one"].state) == ("ok", "ok")


def test_celery_that_is_silent_is_wrong(redis_client: redis.Redis) -> None:
    tell(redis_client, heartbeat(BEAT, 200))
    tell(redis_client, heartbeat("celery@one", 200))
    found = parts()
    assert found["celery-beat"].sentence == "Not heard of for 3 min 20 s."
    assert found["celery-celery@one"].state == "error"


def test_a_beat_that_sends_nothing_is_told(redis_client: redis.Redis) -> None:
    tell(redis_client, heartbeat(BEAT, 2, time.time() - 120))
    assert "no task for 2 min" in parts()["celery-beat"].sentence


def test_a_worker_that_was_replaced_is_not_held_against_the_new_one(redis_client: redis.Redis) -> None:
    tell(redis_client, heartbeat("celery@old", 500))
    tell(redis_client, heartbeat("celery@new", 2))
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
    assert staff_client.get(reverse("diagnostics:charts"), {"since": "noon"}).status_code == 400


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
