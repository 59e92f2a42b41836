"""GET /offer as the outside sees it: real workers, real sockets, a real Redis."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.services import Service
from offers.click_log.stream import LOG
from offers.links.tokens import encrypt, encrypt_text
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.processes import command, wait_until
from tests.recipe import make_live
from tests.servers import web_worker

US, FRANCE = "34.99.99.105", "82.237.47.21"
OFFERS: list[dict[str, Any]] = [
    {"offerId": 1, "payin": 4, "payout": 2, "landingPageUrl": "https://one.example/?c={cid}"},
    {
        "offerId": 2,
        "landingPageUrl": "https://two.example/",
        "countriesRestrictions": "FR",
        "offerIdRedirectExitTraffic": 1,
        "colour": "unknown fields are kept",
    },
    {"offerId": 3, "status": "inactive", "landingPageUrl": "https://three.example/"},
]
CAMPAIGNS: list[dict[str, Any]] = [
    {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active"},
    {"campaignId": 2, "affiliateId": 8, "campaignStatus": "blocked"},
    {"campaignId": 3, "affiliateId": 9, "campaignStatus": "active", "affiliateStatus": "blacklisted"},
]
HOSTILE_TOKENS = {
    "missing": None,
    "empty": "",
    "not hexadecimal": "zz:yy",
    "without colon": "00" * 32,
    "cut off": encrypt(1, 1, ENCRYPTION_KEY)[:-2],
    "last byte changed": encrypt(1, 1, ENCRYPTION_KEY)[:-2] + "00",
    "another plain text": encrypt_text("hello", ENCRYPTION_KEY),
    "JSON that is no object": encrypt_text("{}", ENCRYPTION_KEY),
    "negative id": encrypt_text("-1|1", ENCRYPTION_KEY),
    "unknown offer": encrypt(999, 1, ENCRYPTION_KEY),
    "unknown campaign": encrypt(1, 999, ENCRYPTION_KEY),
    "inactive offer": encrypt(3, 1, ENCRYPTION_KEY),
    "blocked campaign": encrypt(1, 2, ENCRYPTION_KEY),
    "blacklisted affiliate": encrypt(1, 3, ENCRYPTION_KEY),
}


def load(store: RecipeStore) -> None:
    base = {"status": "public", "type": "regular"}
    make_live(store, RecipeKind.OFFERS, {o["offerId"]: json.dumps(base | o).encode() for o in OFFERS})
    make_live(store, RecipeKind.CAMPAIGNS, {c["campaignId"]: json.dumps(c).encode() for c in CAMPAIGNS})


@pytest.fixture(scope="module")
def loaded_redis(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        load(RecipeStore(connection))
        yield connection


@pytest.fixture(scope="module")
def client(loaded_redis: redis.Redis, geoip_databases: None) -> Iterator[httpx.Client]:
    with web_worker() as url, http_client.Client(base_url=url) as client:
        yield client


def click(client: httpx.Client, offer: int, campaign: int = 1, **query: str) -> httpx.Response:
    token = encrypt(offer, campaign, ENCRYPTION_KEY)
    return client.get("/offer", params={"ad": token, **query}, headers={"X-Forwarded-For": US})


def test_a_click_is_redirected_to_its_offers_page(client: httpx.Client) -> None:
    answer = click(client, 1, cid="c 1")
    sent = urlsplit(answer.headers["location"])
    assert (answer.status_code, sent.hostname, answer.content) == (302, "one.example", b"")
    assert answer.headers["cache-control"] == "no-store"
    assert parse_qs(sent.query)["c"] == ["c 1"]


def test_the_json_form_of_a_token_is_the_same_link(client: httpx.Client) -> None:
    token = encrypt_text('{"campaignId": "1", "offerId": 1}', ENCRYPTION_KEY)
    assert client.get("/offer", params={"ad": token}).status_code == 302


def test_a_restricted_country_is_sent_to_the_exit_offer(client: httpx.Client) -> None:
    token = encrypt(2, 1, ENCRYPTION_KEY)
    answer = client.get("/offer", params={"ad": token}, headers={"X-Forwarded-For": FRANCE})
    assert urlsplit(answer.headers["location"]).hostname == "one.example"


def test_every_refused_link_gets_the_same_answer(client: httpx.Client) -> None:
    answers = {}
    for name, token in HOSTILE_TOKENS.items():
        answer = client.get("/offer", params={} if token is None else {"ad": token})
        headers = {key: value for key, value in answer.headers.items() if key != "date"}
        answers[name] = (answer.status_code, headers, answer.content)
    first = answers["missing"]
    assert first[0] == 404
    assert {name for name, answer in answers.items() if answer != first} == set()


def test_debug_says_why_a_link_was_refused(client: httpx.Client) -> None:
    answer = client.get("/offer", params={"ad": HOSTILE_TOKENS["blocked campaign"], "debug": "debug"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "blocked campaign")


def test_debug_shows_decision_trace_visitor_records_and_click(client: httpx.Client) -> None:
    answer = click(client, 2, debug="debug")
    data = answer.json()["data"]
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert data["decision"]["redirectType"] == "defaultRedirection"
    assert [step["rule"] for step in data["trace"]][-1] == "default"
    assert (data["visitor"]["country"], data["campaign"]["affiliateId"]) == ("US", 7)
    assert data["offer"]["colour"] == "unknown fields are kept"
    assert data["click"]["lid"] == data["decision"]["lid"]


def test_head_is_answered_like_get_without_a_body(client: httpx.Client) -> None:
    token = encrypt(1, 1, ENCRYPTION_KEY)
    assert client.head("/offer", params={"ad": token}).status_code == 302
    refused = client.head("/offer")
    assert (refused.status_code, refused.content) == (404, b"")


def logged_lids(client: redis.Redis) -> list[str]:
    entries: Any = client.xrange(LOG)
    return [json.loads(kept[b"click"])["lid"] for _, kept in entries]


def test_a_click_is_in_the_log_before_it_is_answered(client: httpx.Client, loaded_redis: redis.Redis) -> None:
    loaded_redis.delete(LOG)
    lids = [parse_qs(urlsplit(click(client, 1).headers["location"]).query)["lid"][0] for _ in range(3)]
    assert logged_lids(loaded_redis) == lids


def test_debug_head_and_refused_links_write_no_click(client: httpx.Client, loaded_redis: redis.Redis) -> None:
    loaded_redis.delete(LOG)
    assert click(client, 1, debug="debug").status_code == 200
    assert client.head("/offer", params={"ad": encrypt(1, 1, ENCRYPTION_KEY)}).status_code == 302
    assert click(client, 999).status_code == 404
    assert logged_lids(loaded_redis) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_allowed(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/offer", params={"ad": encrypt(1, 1, ENCRYPTION_KEY)})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("address", ["10.0.0.1", "fe80::1", "203.0.113.9", "not an address"])
def test_an_address_without_a_place_is_answered_with_no_country(client: httpx.Client, address: str) -> None:
    params = {"ad": encrypt(2, 1, ENCRYPTION_KEY), "debug": "debug"}
    answer = client.get("/offer", params=params, headers={"X-Forwarded-For": address})
    assert (answer.status_code, answer.json()["data"]["visitor"]["country"]) == (200, None)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["ad", "subid", "cid", "fp", "ad_domain", "debug"]), st.text(max_size=60))
)
def test_no_query_is_answered_with_a_server_error(client: httpx.Client, query: dict[str, str]) -> None:
    good = {"ad": encrypt(1, 1, ENCRYPTION_KEY)}
    for params in (query, query | good):
        # Lone surrogates cannot be sent by this client; bytes that are no UTF-8 are tried below.
        sent = {name: value.encode("utf-8", "replace") for name, value in params.items()}
        assert client.get("/offer", params=sent).status_code < 500


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=80),
    st.sampled_from(["User-Agent", "X-Forwarded-For", "Referer", "Accept-Language", "Sec-CH-UA-Platform"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)
def test_no_bytes_are_answered_with_a_server_error(
    client: httpx.Client, raw: bytes, header: str, value: str
) -> None:
    token = encrypt(1, 1, ENCRYPTION_KEY).encode()
    query = b"ad=" + token + b"&subid=" + b"".join(b"%%%02x" % byte for byte in raw)
    answer = client.get(
        f"{client.base_url}/offer?{query.decode()}",
        headers={header.encode(): value.strip().encode("latin-1")},
    )
    assert answer.status_code == 302


def test_before_anything_is_loaded_a_click_is_asked_to_come_again(
    loaded_redis: redis.Redis, geoip_databases: None
) -> None:
    loaded_redis.flushall()
    try:
        with web_worker() as url, http_client.Client(base_url=url) as client:
            answer = click(client, 1)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
            assert click(client, 1, debug="debug").json()["reason"] == "nothing loaded"
    finally:
        load(RecipeStore(loaded_redis))


def test_while_redis_is_away_known_links_are_answered_from_memory(
    client: httpx.Client, valkey: Service, loaded_redis: redis.Redis
) -> None:
    version = int(loaded_redis.get("recipe:version") or 0)
    # Another test may have flushed Redis, which the worker notices when it looks at the version.
    wait_until(lambda: click(client, 1, debug="debug").json().get("recipeVersion") == version)
    assert click(client, 1).status_code == 302
    valkey.kill()
    try:
        assert click(client, 1).status_code == 302
        unknown = click(client, 2, campaign=998)
        assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "5")
    finally:
        valkey.start()
        load(RecipeStore(loaded_redis))


def test_in_production_debug_is_for_staff_only(loaded_redis: redis.Redis, geoip_databases: None) -> None:
    with web_worker(ENV="production") as url, http_client.Client(base_url=url) as client:
        assert click(client, 1, debug="debug").status_code == 302


def test_in_production_debug_is_answered_to_signed_in_staff(
    loaded_redis: redis.Redis, geoip_databases: None, tmp_path: Path
) -> None:
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'staff.sqlite3'}"}
    command("manage.py", "migrate", **database)
    staff = {"DJANGO_SUPERUSER_USERNAME": "sam", "DJANGO_SUPERUSER_PASSWORD": "pass-of-sam"}
    command("manage.py", "createsuperuser", "--noinput", "--email", "sam@a.example", **database, **staff)
    with (
        web_worker(ENV="production", HTTPS_ONLY="false", **database) as url,
        http_client.Client(base_url=url) as client,
    ):
        login = client.get("/admin/login/")
        assert login.status_code == 200, login.text
        form = {
            "username": "sam",
            "password": "pass-of-sam",
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        assert client.post("/admin/login/?next=/admin/", data=form).status_code == 302
        answer = click(client, 1, debug="debug")
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


def test_refused_links_are_redirected_where_the_operator_wants(
    loaded_redis: redis.Redis, geoip_databases: None
) -> None:
    with web_worker(NOT_FOUND_REDIRECT_URL="https://nothing.example/") as url:
        answer = http_client.get(f"{url}/offer")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://nothing.example/")


def test_the_url_for_refused_links_is_read_like_a_page(
    loaded_redis: redis.Redis, geoip_databases: None
) -> None:
    with web_worker(NOT_FOUND_REDIRECT_URL="münchen.example/ä b ") as url:
        answer = http_client.get(f"{url}/offer")
    assert answer.headers["location"] == "http://xn--mnchen-3ya.example/%C3%A4%20b"


def test_in_development_a_private_address_stands_for_a_public_one(
    loaded_redis: redis.Redis, geoip_databases: None
) -> None:
    params = {"ad": encrypt(2, 1, ENCRYPTION_KEY), "debug": "debug"}
    with web_worker(DEV_CLIENT_IP=FRANCE, TRUSTED_PROXIES="") as url:
        visitor = http_client.get(f"{url}/offer", params=params).json()["data"]["visitor"]
    assert visitor["country"] == "FR"
