"""Finds which of our functions a click calls, in a real web worker."""

import json
import tempfile
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import redis

from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import web_servers
from tests.environment import ENCRYPTION_KEY
from tests.processes import DEADLINE_SECONDS
from tests.recipe import make_live, offer_blob

APPLICATION = "tests.house.watched:application"
# The first click reads the records; later ones remember them.
CLICKS_BEFORE = 3
# A worker does some things once a second besides: what only some rounds call is not the click's.
ROUNDS = 5


def hot_path() -> list[str]:
    """Return the functions that a click of a known link and visitor calls, as "file function"."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as directory,
        Service("valkey", valkey_command(port, Path(directory)), port, valkey_answers),
        redis.Redis(LOCALHOST, port) as client,
    ):
        store = RecipeStore(client)
        make_live(store, RecipeKind.OFFERS, {1: offer_blob(1)})
        campaign = {"campaignId": 1, "affiliateId": 1, "campaignStatus": "active"}
        make_live(store, RecipeKind.CAMPAIGNS, {1: json.dumps(campaign).encode()})
        url = f"redis://{LOCALHOST}:{port}/0"
        variables = {"REDIS_URL": url, "CLICK_SPOOL_DIR": directory}
        with (
            web_servers.protocol_server(APPLICATION, **variables) as server,
            closing(HTTPConnection(LOCALHOST, server.port, timeout=DEADLINE_SECONDS)) as connection,
        ):
            return _calls(connection)


def _calls(connection: HTTPConnection) -> list[str]:
    path = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
    for _ in range(CLICKS_BEFORE):
        _answer(connection, path, 302)
    _answer(connection, "/calls", 200)
    rounds = []
    for _ in range(ROUNDS):
        _answer(connection, path, 302)
        rounds.append(set(json.loads(_answer(connection, "/calls", 200))))
    # `/calls` itself is not answered from memory, and calls what a click does not.
    alone = set(json.loads(_answer(connection, "/calls", 200)))
    return sorted(set.intersection(*rounds) - alone)


def _answer(connection: HTTPConnection, path: str, status: int) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == status, f"{path} is answered with {answer.status}"
    return body
