"""A web worker that can write no click down: it refuses them where that is wished, and is not ready."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from devstack.services import Service
from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.offers.writing import url_of
from tests.processes import wait_until
from tests.recipe import make_live, offer_blob
from tests.servers import web_worker

LINK = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"


@pytest.fixture
def recipe(other_redis: Service) -> Iterator[redis.Redis]:
    """A Redis with a recipe, which a test may fill."""
    with redis.Redis.from_url(url_of(other_redis)) as client:
        store = RecipeStore(client)
        make_live(store, RecipeKind.OFFERS, {1: offer_blob(1)})
        campaign = b'{"campaignId": 1, "affiliateId": 1, "campaignStatus": "active"}'
        make_live(store, RecipeKind.CAMPAIGNS, {1: campaign})
        yield client


@pytest.mark.usefixtures("geoip_databases")
@pytest.mark.parametrize(("choice", "status"), [("refuse", 503), ("answer", 302)])
def test_a_click_that_cannot_be_written_is_refused_or_answered_as_is_wished(
    other_redis: Service, recipe: redis.Redis, tmp_path: Path, choice: str, status: int
) -> None:
    spool = tmp_path / "spool"
    variables = {"REDIS_URL": url_of(other_redis), "CLICK_SPOOL_DIR": str(spool), "CLICKS_UNWRITABLE": choice}
    with web_worker(**variables) as url, http_client.Client(base_url=url) as client:
        assert client.get(LINK).status_code == 302
        spool.mkdir(exist_ok=True)
        for path in spool.iterdir():
            path.unlink()
        spool.rmdir()
        spool.touch()
        recipe.config_set("maxmemory", 1)
        # Both ways that a click can take: our own protocol's, and that of ASGI.
        answers = client.get(LINK), client.get(LINK, headers={"connection": "close"})
        assert [answer.status_code for answer in answers] == [status, status]
        if choice == "refuse":
            assert all(answer.headers["retry-after"] for answer in answers)
        ready = client.get("/ready")
        assert ready.status_code == 503
        assert any("neither Redis nor the spool" in words for words in ready.json()["missing"])
        spool.unlink()
        recipe.config_set("maxmemory", 0)
        wait_until(lambda: client.get("/ready").status_code == 200, what="a ready worker")
        assert client.get(LINK).status_code == 302


@pytest.mark.usefixtures("geoip_databases", "recipe")
def test_a_worker_whose_spool_would_take_nothing_is_degraded_before_it_is_needed(
    other_redis: Service, tmp_path: Path
) -> None:
    taken = tmp_path / "spool"
    taken.touch()
    variables = {"REDIS_URL": url_of(other_redis), "CLICK_SPOOL_DIR": str(taken)}
    with web_worker(**variables) as url, http_client.Client(base_url=url) as client:
        assert client.get(LINK).status_code == 302

        def said() -> list[str]:
            ready = client.get("/ready")
            assert ready.status_code == 200
            return [words for words in ready.json()["degraded"] if words.startswith("spool: ")]

        wait_until(said, what="a word about the spool")
        assert str(taken) in said()[0]


@pytest.mark.usefixtures("geoip_databases")
def test_a_worker_may_open_as_many_files_as_the_system_allows_and_keeps_a_reserve(
    other_redis: Service, recipe: redis.Redis, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    with web_worker(REDIS_URL=url_of(other_redis), CLICK_SPOOL_DIR=str(spool)):
        wait_until(lambda: (spool / ".reserve-0").exists(), what="the reserve")
        wait_until(lambda: (spool / ".reserve-0").stat().st_blocks > 0, what="its room")
        opened = [
            path.parent.parent
            for path in Path("/proc").glob("[0-9]*/fd/*")
            if _links_to(path, spool / ".reserve-0")
        ]
        assert opened
        for process in opened:
            limit = next(
                line for line in (process / "limits").read_text().splitlines() if "open files" in line
            )
            soft, hard = limit.split()[3:5]
            assert soft == hard
    wait_until(lambda: not (spool / ".reserve-0").exists(), what="the end of the reserve")


def _links_to(link: Path, target: Path) -> bool:
    try:
        return link.readlink() == target
    except OSError:
        return False
