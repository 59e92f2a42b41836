"""Fixtures for clicks on their way."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from cotraffic.diagnostics.explain.request import read_explain_request
from cotraffic.diagnostics.explain.result import Explanation
from devstack.demo import DEFAULT_CAMPAIGN_ID, DEFAULT_OFFER_ID, DEMO_NETWORKS, demo_campaigns, demo_offers
from devstack.demo.places import DEV_CLIENT_IP
from devstack.geoip import write_databases
from devstack.services import Service, free_port, valkey_answers, valkey_command
from offers.click_log.stream import ClickLog
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.explaining import DESKTOP, Explained, explain_once
from tests.recipe import make_live


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    """An empty click log."""
    return ClickLog(redis_client)


@pytest.fixture
def dynamodb(settings: Settings) -> Iterator[BadDynamoDB]:
    """A DynamoDB at the endpoint of the settings, which behaves until it is told otherwise."""
    with BadDynamoDB() as server:
        settings.AWS_DYNAMODB_ENDPOINT = server.url
        yield server


@pytest.fixture(scope="session")
def demo_places(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """City and ISP databases of the demo world."""
    directory = tmp_path_factory.mktemp("geoip")
    paths = directory / "City.mmdb", directory / "ISP.mmdb"
    write_databases(DEMO_NETWORKS, *paths)
    return str(paths[0]), str(paths[1])


@pytest.fixture
def demo_recipe(redis_client: redis.Redis) -> RecipeStore:
    """The demo network, live."""
    store = RecipeStore(redis_client)
    for kind, records in {
        RecipeKind.OFFERS: demo_offers("http://p"),
        RecipeKind.CAMPAIGNS: demo_campaigns(),
    }.items():
        make_live(store, kind, {r[kind.id_field]: json.dumps(r).encode() for r in records})
    return store


@pytest.fixture
def explained(demo_recipe: RecipeStore, settings: Settings, demo_places: tuple[str, str]) -> Explained:
    """Explains a question in texts, by default from New York on a desktop."""
    settings.MAXMIND_PATH, settings.MAXMIND_PATH_ISP = demo_places
    settings.DEFAULT_OFFER_ID, settings.DEFAULT_CAMPAIGN_ID = DEFAULT_OFFER_ID, DEFAULT_CAMPAIGN_ID

    def ask(offer: int = 0, campaign: int = 0, **texts: str) -> Explanation:
        ids = {"offer": str(offer), "campaign": str(campaign)} if offer else {}
        usual = {"address": DEV_CLIENT_IP, "user_agent": DESKTOP}
        return asyncio.run(explain_once(read_explain_request(usual | ids | texts)))

    return ask


@pytest.fixture
def other_redis(tmp_path: Path) -> Iterator[Service]:
    """A Redis that a test may stop."""
    port = free_port()
    (tmp_path / "valkey").mkdir()
    command = valkey_command(port, tmp_path / "valkey")
    with Service("other valkey", command, port, valkey_answers) as service:
        yield service
