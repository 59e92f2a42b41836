"""How gunicorn looks after its workers, and how many there are."""

import os
import signal
import time
from pathlib import Path

import httpx
import pytest
import redis

from cotraffic.ops.cpu_count import usable_cores
from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import ClickLog
from offers.links.tokens import encrypt
from offers.stats.reader import StatsReader
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.processes import DEADLINE_SECONDS, running, wait_until
from tests.recipe import make_live, offer_blob
from tests.servers import web_worker


def quota(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_max", ".max")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return directory


def test_without_a_quota_every_core_counts(tmp_path: Path) -> None:
    cores = len(os.sched_getaffinity(0))
    assert usable_cores(tmp_path) == cores
    assert usable_cores(quota(tmp_path, cpu_max="max 100000\n")) == cores


@pytest.mark.parametrize(
    ("limit", "cores"), [("100000 100000", 1), ("150000 100000", 1), ("20000 100000", 1)]
)
def test_a_containers_quota_counts_in_whole_cores(tmp_path: Path, limit: str, cores: int) -> None:
    assert usable_cores(quota(tmp_path, cpu_max=limit)) == cores


def test_a_quota_of_more_than_there_is_changes_nothing(tmp_path: Path) -> None:
    assert usable_cores(quota(tmp_path, cpu_max="9900000 100000")) == len(os.sched_getaffinity(0))


def test_the_older_kind_of_quota_counts_too(tmp_path: Path) -> None:
    files = {"cpu__cpu.cfs_quota_us": "100000\n", "cpu__cpu.cfs_period_us": "100000\n"}
    assert usable_cores(quota(tmp_path, **files)) == 1
    assert usable_cores(quota(tmp_path, **files | {"cpu__cpu.cfs_quota_us": "-1\n"})) == len(
        os.sched_getaffinity(0)
    )


@pytest.fixture
def client(redis_client: redis.Redis, geoip_databases: None) -> redis.Redis:
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1)})
    make_live(store, RecipeKind.CAMPAIGNS, {1: b'{"campaignId": 1, "campaignStatus": "active"}'})
    return redis_client


def workers(client: redis.Redis) -> set[int]:
    """The web workers that were heard of lately."""
    return {worker.pid for worker in StatsReader(client).workers(time.time())}


def test_a_worker_that_stops_answering_is_replaced(client: redis.Redis) -> None:
    with web_worker(GUNICORN_CMD_ARGS="--timeout 2") as url:
        wait_until(lambda: workers(client), what="a first worker")
        (hanging,) = workers(client)
        os.kill(hanging, signal.SIGSTOP)
        wait_until(lambda: workers(client) - {hanging}, what="another worker")
        assert http_client.get(f"{url}/health").text == "Ok"
        wait_until(lambda: not Path(f"/proc/{hanging}").exists(), what="the end of the one that hung")


def test_a_worker_is_replaced_after_its_requests_and_no_click_is_lost(client: redis.Redis) -> None:
    path = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
    with web_worker(WEB_MAX_REQUESTS="40", WEB_CONCURRENCY="2") as url:
        wait_until(lambda: len(workers(client)) == 2, what="two workers")
        first = workers(client)
        answered = 0
        with http_client.Client(base_url=url) as visitor:
            while first & alive(first):
                answered += click(visitor, path)
                assert answered < 400
        assert answered > 40
        assert client.xlen("clicks") >= answered


def click(visitor: httpx.Client, path: str) -> int:
    """Click over a connection of its own; one that is closed without an answer is none."""
    try:
        return int(visitor.get(path, headers={"Connection": "close"}).status_code == 302)
    except httpx.TransportError:
        return 0


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_a_worker_that_starts_over_half_a_geoip_file_answers_and_heals(
    client: redis.Redis, tmp_path: Path
) -> None:
    good, path = Path(os.environ["MAXMIND_PATH"]).read_bytes(), tmp_path / "City.mmdb"
    path.write_bytes(good[:3000])
    link = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
    with (
        web_worker(ENV="production", MAXMIND_PATH=str(path)) as url,
        http_client.Client(base_url=url) as visitor,
    ):
        wait_until(lambda: visitor.get(link).status_code == 302, what="a redirect")
        assert str(path) in visitor.get("/ready").json()["degraded"][0]
        path.with_suffix(".new").write_bytes(good)
        path.with_suffix(".new").replace(path)
        wait_until(lambda: "GeoIP" not in visitor.get("/ready").text, what="the good file in use")
        visitor.get(link, headers={"X-Forwarded-For": "34.99.99.105"})
        (newest,) = ClickLog(client).newest(1)
        assert b'"country":"US"' in newest.click


def test_a_geoip_file_that_is_overwritten_in_place_under_load_ends_no_worker(
    client: redis.Redis, tmp_path: Path
) -> None:
    good, path = Path(os.environ["MAXMIND_PATH"]).read_bytes(), tmp_path / "City.mmdb"
    path.write_bytes(good)
    link = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
    with (
        web_worker(MAXMIND_PATH=str(path)) as url,
        http_client.Client(base_url=url) as visitor,
    ):
        wait_until(lambda: workers(client), what="a worker")
        before = workers(client)
        for number in range(300):
            if number % 30 == 0:
                path.write_bytes(b"" if number % 60 else good)
            address = f"34.{number % 250}.99.{number % 199}"
            assert visitor.get(link, headers={"X-Forwarded-For": address}).status_code == 302
        assert workers(client) == before


@pytest.mark.parametrize("name", ["REDIS_URL", "SHARED_REDIS_URL"])
def test_a_worker_with_a_url_that_it_cannot_read_does_not_start_and_says_so(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gunicorn = ("-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application")
    url = {name: "redis://:hush/unquoted@localhost/0"}
    with running(*gunicorn, HOST=LOCALHOST, PORT=str(free_port()), WEB_CONCURRENCY="1", **url) as process:
        assert process.wait(DEADLINE_SECONDS) != 0
    printed = capsys.readouterr().out
    assert f"{name} " in printed
    assert "manage.py check" in printed
    assert "hush" not in printed


def test_a_worker_with_an_alias_that_cannot_be_does_not_start_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gunicorn = ("-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application")
    variables = {"HOST": LOCALHOST, "PORT": str(free_port()), "WEB_CONCURRENCY": "1"}
    with running(*gunicorn, CLICK_ALIASES="/ad?ad,/health?o", **variables) as process:
        assert process.wait(DEADLINE_SECONDS) != 0
    printed = capsys.readouterr().out
    assert "CLICK_ALIASES: '/health?o' gives a path that has another use here" in printed
    assert "manage.py check" in printed
