"""Debug answers while Redis is away: what is in memory is decided and shown."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from devstack.services import Service
from offers.links.tokens import encrypt
from tests.environment import ENCRYPTION_KEY
from tests.offers.exchanges import exchange, get
from tests.security.conftest import GOOD, live_recipe
from tests.servers import web_worker


@pytest.fixture(scope="module")
def port_without_redis(valkey: Service, redis_url: str, geoip_databases: None) -> Iterator[int]:
    """A worker that knows offer 1 and campaign 1, and whose Redis has gone."""
    live_recipe(redis_url)
    with web_worker() as url:
        port = urlsplit(url).port
        assert port
        assert exchange(port, get(GOOD)).status == 302
        valkey.kill()
        try:
            yield port
        finally:
            valkey.start()


def test_a_known_link_is_explained_without_its_records(port_without_redis: int) -> None:
    answer = exchange(port_without_redis, get(b"debug=debug&" + GOOD))
    data = json.loads(answer.body)["data"]
    assert (answer.status, answer.headers[b"cache-control"]) == (200, b"no-store")
    assert data["decision"]["offerId"] == 1
    assert (data["offer"], data["campaign"]) == (None, None)


def test_an_unknown_link_says_why_it_cannot_be_decided(port_without_redis: int) -> None:
    unknown = f"ad={encrypt(77, 1, ENCRYPTION_KEY)}".encode()
    answer = exchange(port_without_redis, get(b"debug=debug&" + unknown))
    assert (answer.status, answer.headers[b"content-type"]) == (503, b"application/json")
    assert json.loads(answer.body)["reason"] == "unknown record while Redis is away"
