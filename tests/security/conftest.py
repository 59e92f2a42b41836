"""A worker with a small recipe, for tests that speak to it over raw sockets."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis

from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.environment import ENCRYPTION_KEY
from tests.recipe import make_live, offer_blob
from tests.servers import web_worker

GOOD = f"ad={encrypt(1, 1, ENCRYPTION_KEY)}".encode()


def live_recipe(redis_url: str) -> None:
    """Make offer 1 and campaign 1 live in an empty Redis."""
    campaign = {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active"}
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store = RecipeStore(client)
        make_live(store, RecipeKind.OFFERS, {1: offer_blob(1)})
        make_live(store, RecipeKind.CAMPAIGNS, {1: json.dumps(campaign).encode()})


@pytest.fixture(scope="module")
def worker(redis_url: str, geoip_databases: None) -> Iterator[int]:
    """The port of a worker with offer 1 and campaign 1."""
    live_recipe(redis_url)
    with web_worker() as url:
        port = urlsplit(url).port
        assert port
        yield port
