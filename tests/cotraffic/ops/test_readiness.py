"""`/health` and `/ready`: what a load balancer hears from real workers, and from each thing that can lack."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
import redis.asyncio
from django.conf import settings

from cotraffic.ops.readiness import Probes, Readiness
from devstack.geoip import write_databases
from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.visitors import geoip as geo_module
from offers.visitors.geoip import GeoReader
from recipes.records.kinds import RecipeKind
from recipes.store.reader import RecipeReader
from recipes.store.store import RecipeStore
from tests import http_client
from tests.processes import wait_until
from tests.recipe import make_live, offer_blob
from tests.servers import web_worker

STALE_SECONDS = 900.0
NO_DIGESTS: dict[str, str | None] = {"offers": None, "campaigns": None}


@pytest.fixture
def geo(tmp_path: Path) -> GeoReader:
    write_databases([], tmp_path / "City.mmdb", tmp_path / "ISP.mmdb")
    return GeoReader(str(tmp_path / "City.mmdb"), str(tmp_path / "ISP.mmdb"))


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    """A recipe of both kinds that was just seen to be S3's."""
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1)})
    make_live(store, RecipeKind.CAMPAIGNS, {1: b'{"campaignId": 1}'})
    for kind in RecipeKind:
        store.amend_meta(kind, checked_at_ms=int(time.time() * 1000))
    return store


def readiness(redis_url: str, geo: GeoReader) -> Readiness:
    async def ask() -> Readiness:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            return await Probes(RecipeReader(client), geo, STALE_SECONDS).ready()

    return asyncio.run(ask())


def test_an_instance_that_has_everything_is_ready(redis_url: str, store: RecipeStore, geo: GeoReader) -> None:
    assert readiness(redis_url, geo) == Readiness([], [], NO_DIGESTS)


def test_a_kind_that_is_not_live_is_named(redis_url: str, redis_client: redis.Redis, geo: GeoReader) -> None:
    make_live(RecipeStore(redis_client), RecipeKind.OFFERS, {1: offer_blob(1)})
    found = readiness(redis_url, geo)
    assert (found.status, found.missing) == ("not ready", ["campaigns: no recipe is live"])


def test_a_recipe_that_was_long_not_compared_degrades(
    redis_url: str, store: RecipeStore, geo: GeoReader
) -> None:
    long_ago_ms = int((time.time() - 2 * STALE_SECONDS) * 1000)
    store.amend_meta(RecipeKind.OFFERS, checked_at_ms=long_ago_ms, last_error="S3 is away")
    found = readiness(redis_url, geo)
    assert (found.status, found.missing) == ("degraded", [])
    (reason,) = found.degraded
    assert reason.startswith("offers: not compared with S3 for 1800 s")
    assert reason.endswith("(S3 is away)")


def test_a_recipe_from_disk_degrades_until_it_was_compared(
    redis_url: str, store: RecipeStore, geo: GeoReader
) -> None:
    store.amend_meta(RecipeKind.CAMPAIGNS, checked_at_ms=None)
    assert readiness(redis_url, geo).degraded == ["campaigns: not compared with S3 since it was loaded"]


def test_a_redis_that_is_away_is_named(geo: GeoReader) -> None:
    found = readiness(f"redis://{LOCALHOST}:{free_port()}/0", geo)
    assert found.status == "not ready"
    assert found.missing[0].startswith("Redis: ")


def test_a_redis_that_hangs_is_named(geo: GeoReader) -> None:
    # The kernel takes the connection, and then nothing comes.
    with socket.create_server((LOCALHOST, 0)) as silent:
        found = readiness(f"redis://{LOCALHOST}:{silent.getsockname()[1]}/0", geo)
    assert found.missing == ["Redis: no answer"]


def test_a_geoip_file_that_is_gone_degrades_and_one_that_is_back_does_not(
    redis_url: str, store: RecipeStore, geo: GeoReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geo_module, "LOOK_AT_FILE_SECONDS", 0.0)
    geo.look()
    (tmp_path / "ISP.mmdb").rename(tmp_path / "elsewhere")
    wait_until(lambda: readiness(redis_url, geo).degraded)
    assert str(tmp_path / "ISP.mmdb") in readiness(redis_url, geo).degraded[0]
    assert readiness(redis_url, geo).missing == []
    (tmp_path / "elsewhere").rename(tmp_path / "ISP.mmdb")
    wait_until(lambda: not readiness(redis_url, geo).degraded)


def test_a_worker_that_starts_without_geoip_is_degraded(
    redis_url: str, store: RecipeStore, tmp_path: Path
) -> None:
    (tmp_path / "half.mmdb").write_bytes(b"half a download")
    found = readiness(redis_url, GeoReader(str(tmp_path / "half.mmdb"), ""))
    assert (found.missing, found.status) == ([], "degraded")


@pytest.fixture(scope="module")
def instance(geoip_databases: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A Redis of its own, for the worker below."""
    port = free_port()
    command = valkey_command(port, tmp_path_factory.mktemp("valkey"))
    with Service("valkey", command, port, valkey_answers) as service:
        yield service


@pytest.fixture(scope="module")
def production(instance: Service) -> Iterator[httpx.Client]:
    """A production worker that knows itself by another name, and has no database."""
    variables = {
        "ENV": "production",
        "ALLOWED_HOSTS": "traffic.example",
        "DATABASE_URL": "sqlite:////nowhere/at/all.sqlite3",
        "REDIS_URL": f"redis://{LOCALHOST}:{instance.port}/0",
    }
    with web_worker(**variables) as url, http_client.Client(base_url=url) as client:
        yield client


def test_a_worker_that_is_alive_says_ok_to_a_probe_by_address(production: httpx.Client) -> None:
    answer = production.get("/health")
    assert (answer.status_code, answer.text) == (200, "Ok")
    assert answer.headers["cache-control"] == "no-store"


def test_a_worker_without_a_recipe_says_what_is_missing(production: httpx.Client) -> None:
    answer = production.get("/ready")
    assert answer.status_code == 503
    missing = ["offers: no recipe is live", "campaigns: no recipe is live"]
    found = answer.json()
    assert (found.pop("instance"), found.pop("version")) == (settings.INSTANCE_NAME, settings.VERSION)
    assert found == {"status": "not ready", "missing": missing, "degraded": [], "recipe": NO_DIGESTS}


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_head_is_answered_like_get_without_a_body(production: httpx.Client, path: str) -> None:
    get, head = production.get(path), production.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")


def test_other_methods_are_refused(production: httpx.Client) -> None:
    answer = production.post("/health")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_worker_is_alive_but_not_ready_while_redis_is_away(
    production: httpx.Client, instance: Service
) -> None:
    instance.stop()
    try:
        assert production.get("/health").status_code == 200
        answer = production.get("/ready")
        assert answer.status_code == 503
        assert answer.json()["missing"][0].startswith("Redis: ")
    finally:
        instance.start()


def test_an_instance_whose_spool_would_take_nothing_is_degraded(
    redis_url: str, store: RecipeStore, geo: GeoReader
) -> None:
    async def ask() -> Readiness:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            return await Probes(
                RecipeReader(client), geo, STALE_SECONDS, spool=lambda: "it takes no new files"
            ).ready()

    found = asyncio.run(ask())
    assert (found.status, found.missing) == ("degraded", [])
    assert "spool: it takes no new files" in found.degraded


def test_an_instance_that_can_write_no_click_down_is_not_ready(
    redis_url: str, store: RecipeStore, geo: GeoReader
) -> None:
    async def ask() -> Readiness:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            return await Probes(RecipeReader(client), geo, STALE_SECONDS, lambda: "the disk is full").ready()

    found = asyncio.run(ask())
    assert found.status == "not ready"
    assert found.missing == ["clicks: neither Redis nor the spool takes them: the disk is full"]
