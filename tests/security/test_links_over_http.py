"""Links of both forms as the outside meets them: real workers, several keys, and links that have ended."""

from collections.abc import Iterator

import httpx
import pytest

from offers.links.tokens import encrypt, seal
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.security.conftest import live_recipe
from tests.servers import web_worker

NEW, OLD, REMOVED = b"n" * 32, b"o" * 32, b"r" * 32
KEYS = f"new:{NEW.hex()},old:{OLD.hex()}"
LONG_AGO_S = 1_000_000_000
GOOD = seal(1, 1, "new", NEW)
BAD = {
    "expired": seal(1, 1, "new", NEW, LONG_AGO_S),
    "a key that was taken out": seal(1, 1, "removed", REMOVED),
    "changed": GOOD[:-3] + ("A" if GOOD[-3] != "A" else "B") + GOOD[-2:],
    "unknown offer": seal(999, 1, "new", NEW),
    "nothing sealed": "v2.new.",
    "no key": "v2.",
}


@pytest.fixture(scope="module", autouse=True)
def recipe(redis_url: str, geoip_databases: None) -> None:
    live_recipe(redis_url)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with web_worker(AD_TOKEN_KEYS=KEYS) as url:
        yield url


def answer(url: str, token: str, **query: str) -> httpx.Response:
    return http_client.get(f"{url}/offer", params={"ad": token, **query})


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        seal(1, 1, "old", OLD),
        seal(1, 1, "new", NEW, 4_000_000_000),
        encrypt(1, 1, ENCRYPTION_KEY),
    ],
    ids=["new key", "old key", "not expired yet", "old form"],
)
def test_good_links_are_redirected(url: str, token: str) -> None:
    assert answer(url, token).status_code == 302


def test_bad_links_are_all_answered_alike(url: str) -> None:
    answers = {}
    for name, token in {"junk": "junk", **BAD}.items():
        given = answer(url, token)
        headers = {key: value for key, value in given.headers.items() if key != "date"}
        answers[name] = (given.status_code, headers, given.content)
    assert answers["junk"][0] == 404
    assert {name for name, given in answers.items() if given != answers["junk"]} == set()


def test_a_debug_answer_says_that_a_link_has_expired(url: str) -> None:
    told = answer(url, BAD["expired"], debug="debug").json()
    assert (told["reason"], "expired at 2001-09-09" in told["detail"]) == ("bad token", True)


def test_where_the_old_form_is_refused_only_sealed_links_are_good() -> None:
    with web_worker(AD_TOKEN_KEYS=KEYS, AD_TOKEN_V1="refuse", ENCRYPTION_KEY="") as url:
        assert answer(url, GOOD).status_code == 302
        assert answer(url, encrypt(1, 1, ENCRYPTION_KEY)).status_code == 404


@pytest.mark.parametrize("path", ["/offer", "/OFFER/", "/ad", "//Ad/"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_clicks_come_over_either_scheme_at_any_host(strict_url: str, path: str, method: str) -> None:
    """DELETE and debug requests go through Django, which sends staff pages to HTTPS."""
    params = {"ad": GOOD, "debug": "debug"}
    answer = http_client.request(
        method, f"{strict_url}{path}", params=params, headers={"Host": "click_a.example"}
    )
    assert answer.status_code == (302 if method == "GET" else 405)


@pytest.mark.parametrize(("host", "status"), [("staff.example", 301), ("click_a.example", 400)])
def test_staff_pages_do_not(strict_url: str, host: str, status: int) -> None:
    answer = http_client.get(f"{strict_url}/admin/login/", headers={"Host": host})
    assert answer.status_code == status


@pytest.fixture(scope="module")
def strict_url() -> Iterator[str]:
    """A production instance whose staff pages have a host name of their own."""
    variables = {"ENV": "production", "HTTPS_ONLY": "true", "ALLOWED_HOSTS": "staff.example"}
    with web_worker(AD_TOKEN_KEYS=KEYS, CLICK_ALIASES="/ad?ad", **variables) as url:
        yield url
