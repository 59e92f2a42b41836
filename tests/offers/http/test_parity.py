"""The two entry points of /offer come to the same: status, headers, body, and the click that is logged.

A click is answered by `offers/http/protocol.py`, or by Django where it is unusual. Here every request goes to
two servers, each of which has one of these answer it. Where they differ on purpose,
`tests/offers/entry_points.py` says why; any other difference fails.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offers.links.tokens import encrypt, encrypt_text
from recipes.store.store import RecipeStore
from tests.conformance.instance import CASES, KNOWN_LINK, load_recipe
from tests.environment import ENCRYPTION_KEY
from tests.offers.entry_points import OF_THE_MOMENT, STAFF_HOST, EntryPoint, Outcome, open_entry_points
from tests.offers.exchanges import exchange, get
from tests.processes import wait_until

TOKEN = KNOWN_LINK.encode()
US, FRANCE = b"34.99.99.105", b"82.237.47.21"
CHROME = (
    b"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"
)


@pytest.fixture(scope="module")
def entry_points(redis_url: str, geoip_databases: None) -> Iterator[list[EntryPoint]]:
    with open_entry_points(redis_url) as entry_points:
        yield entry_points


def assert_alike(entry_points: list[EntryPoint], request: bytes) -> Outcome:
    """Send one request through both entry points; gives what they agree on."""
    first, *others = [entry.outcome(request) for entry in entry_points]
    for entry, other in zip(entry_points[1:], others, strict=True):
        assert other == first, f"{entry.name} differs from {entry_points[0].name}"
    return first


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_conformance_cases_come_to_the_same(entry_points: list[EntryPoint], case: dict[str, Any]) -> None:
    setup = case.get("setup") or []
    for entry in entry_points:
        entry.cases.apply(setup)
    try:
        protocol, django = [entry.case(case) for entry in entry_points]
    finally:
        for entry in entry_points:
            entry.cases.undo(setup)
    assert django == protocol


REFUSED = {
    "no token": b"",
    "an empty token": b"ad=",
    "not hexadecimal": b"ad=zz:yy",
    "a token cut off": b"ad=" + TOKEN[:-2],
    "another plain text": b"ad=" + encrypt_text("hello", ENCRYPTION_KEY).encode(),
    "an unknown offer": b"ad=" + encrypt(999_999, 1, ENCRYPTION_KEY).encode(),
    "an unknown campaign": b"ad=" + encrypt(40002, 999_999, ENCRYPTION_KEY).encode(),
    "7 KB of token": b"ad=" + b"a" * 7168,
    "a token that is no UTF-8": b"ad=%ff%fe",
}


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
def test_refused_links_come_to_the_same(entry_points: list[EntryPoint], query: bytes) -> None:
    outcome = assert_alike(entry_points, get(query))
    assert (outcome.answer.status, outcome.clicks) == (404, [])


ODD_QUERIES = {
    "ad twice, the first counts": b"ad=%b&ad=zz" % TOKEN,
    "subid and cid twice are joined": b"ad=%b&subid=1&cid=a&subid=2&cid=b" % TOKEN,
    "an encoded token": b"ad=" + TOKEN.replace(b":", b"%3A"),
    "an encoded name": b"%%61d=%b" % TOKEN,
    "plus signs": b"ad=%b&subid=a+b%%2Bc&cid=+" % TOKEN,
    "empty values": b"ad=%b&subid=&cid=&fp=&ad_domain=" % TOKEN,
    "names without values": b"ad=%b&subid&cid" % TOKEN,
    "empty parts": b"&&ad=%b&&&" % TOKEN,
    "broken UTF-8": b"ad=%b&subid=%%ff%%fe&cid=%%e2%%82" % TOKEN,
    "UTF-8": b"ad=%b&subid=%%e2%%82%%ac&cid=%%f0%%9f%%98%%80" % TOKEN,
    "control characters": b"ad=%b&subid=%%0d%%0aX-Evil:%%201&cid=%%00" % TOKEN,
    "stray percent signs": b"ad=%b&subid=100%%&cid=%%zz" % TOKEN,
    "semicolons": b"ad=%b&subid=a;cid=b" % TOKEN,
    "7 KB of query": b"ad=%b&subid=%b" % (TOKEN, b"x" * 7168),
    "a fragment": b"ad=%b&subid=1#cid=2" % TOKEN,
    "a question mark behind another value": b"ad=%b&subid=1?cid=2" % TOKEN,
    "a domain with a path": b"ad=%b&ad_domain=track.example/a/b" % TOKEN,
    "a fingerprint that is not wanted": b"ad=%b&fp=disabled" % TOKEN,
    "debug that is none": b"ad=%b&debug=1" % TOKEN,
    "debug twice": b"ad=%b&debug=1&debug=debug" % TOKEN,
}


@pytest.mark.parametrize("query", ODD_QUERIES.values(), ids=ODD_QUERIES)
def test_odd_queries_come_to_the_same(entry_points: list[EntryPoint], query: bytes) -> None:
    outcome = assert_alike(entry_points, get(query, CHROME, b"X-Forwarded-For: " + US))
    assert (outcome.answer.status, len(outcome.clicks)) == (302, 1)


ODD_HEADERS: dict[str, tuple[bytes, ...]] = {
    "none at all": (),
    "names in capitals": (b"USER-AGENT: Firefox", b"X-FORWARDED-FOR: " + FRANCE, b"ACCEPT-LANGUAGE: fr"),
    "names in small letters": (b"user-agent: Firefox", b"x-forwarded-for: " + FRANCE, b"referer: https://r/"),
    "an address in two lines": (b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-For: " + FRANCE),
    "an address in two lines, and capitals": (b"x-forwarded-for: 1.2.3.4", b"X-Forwarded-For: " + FRANCE),
    "a user agent twice": (CHROME, b"User-Agent: Googlebot/2.1"),
    "an empty value": (b"User-Agent:", b"Referer: ", b"Accept-Language:"),
    "spaces and tabs around a value": (b"User-Agent:\t Firefox \t", b"X-Forwarded-For:" + FRANCE + b"  "),
    "bytes that are no UTF-8": (b"User-Agent: \xe9\xff", b"Referer: https://\xc3\xa9.example/"),
    "client hints": (
        CHROME,
        b'Sec-CH-UA-Platform: "Windows"',
        b"Sec-CH-UA-Mobile: ?0",
        b'Sec-CH-UA-Platform-Version: "15.0.0"',
        b'Sec-CH-UA-Full-Version-List: "Google Chrome";v="126.0.6478.61"',
    ),
    "absurd client hints": (
        CHROME,
        b'Sec-CH-UA-Platform: "Windows"',
        b'Sec-CH-UA-Platform-Version: "%b"' % (b"9" * 5000),
        b'Sec-CH-UA-Model: "%b"' % (b"x" * 2000),
    ),
    "a long user agent": (b"User-Agent: " + b"x" * 4000,),
    "cookies": (b"Cookie: sessionid=%b; csrftoken=%b" % (b"a" * 32, b"b" * 32),),
    "a wish to close": (b"Connection: close",),
    "a wish to stay": (b"Connection: keep-alive",),
    "no body, in so many words": (b"Content-Length: 0",),
}


@pytest.mark.parametrize("headers", ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_odd_headers_come_to_the_same(entry_points: list[EntryPoint], headers: tuple[bytes, ...]) -> None:
    outcome = assert_alike(entry_points, get(b"ad=" + TOKEN, *headers))
    assert (outcome.answer.status, len(outcome.clicks)) == (302, 1)


def test_http_1_0_comes_to_the_same(entry_points: list[EntryPoint]) -> None:
    request = get(b"ad=" + TOKEN).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert assert_alike(entry_points, request).answer.headers[b"connection"] == b"close"


def test_a_body_makes_no_difference(entry_points: list[EntryPoint]) -> None:
    request = get(b"ad=" + TOKEN, b"Content-Length: 4") + b"body"
    assert assert_alike(entry_points, request).answer.status == 302


def test_a_whole_url_in_the_request_line_comes_to_the_same(entry_points: list[EntryPoint]) -> None:
    assert (
        assert_alike(entry_points, get(b"ad=" + TOKEN, path=b"http://a.example/offer")).answer.status == 302
    )


@pytest.mark.parametrize("query", [b"ad=" + TOKEN, b"ad=zz", b""])
def test_head_comes_to_the_same_and_logs_nothing(entry_points: list[EntryPoint], query: bytes) -> None:
    assert assert_alike(entry_points, get(query, method=b"HEAD")).clicks == []


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"])
def test_other_methods_come_to_the_same(entry_points: list[EntryPoint], method: bytes) -> None:
    assert (
        assert_alike(entry_points, get(b"ad=" + TOKEN, b"Content-Length: 0", method=method)).answer.status
        == 405
    )


@pytest.mark.parametrize("path", [b"/offers", b"/offer/x", b"/o", b"/", b"/offer%0a", b"/offer%ff"])
def test_other_paths_are_no_clicks(entry_points: list[EntryPoint], path: bytes) -> None:
    request = get(b"ad=" + TOKEN, path=path).replace(b"a.example", STAFF_HOST.encode())
    outcome = assert_alike(entry_points, request)
    assert (outcome.answer.status, outcome.clicks) == (404, [])


@pytest.mark.parametrize("query", [b"debug=debug&ad=" + TOKEN, b"debug=debug&ad=zz", b"debug=debug"])
def test_debug_comes_to_the_same_and_logs_nothing(entry_points: list[EntryPoint], query: bytes) -> None:
    outcomes = [entry.outcome(get(query, CHROME)) for entry in entry_points]
    assert all(outcome.clicks == [] for outcome in outcomes)
    assert len({outcome.answer.status for outcome in outcomes}) == 1
    bodies = [json.loads(outcome.answer.body) for outcome in outcomes]
    for body in bodies:
        for name in OF_THE_MOMENT:
            body.get("data", {}).get("click", {}).pop(name, None)
    assert bodies[1:] == bodies[:-1]


LATIN = st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.binary(max_size=60).filter(lambda raw: not set(raw) & set(b" \t\r\n\0#\x0b\x0c\x7f")),
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"User-Agent", b"x-forwarded-for", b"X-Forwarded-For", b"Referer", b"X-Other"]),
            st.text(LATIN, max_size=40),
        ),
        max_size=4,
    ),
)
def test_whatever_is_sent_comes_to_the_same(
    entry_points: list[EntryPoint], query: bytes, headers: list[tuple[bytes, str]]
) -> None:
    lines = [b"%b: %b" % (name, value.encode("latin-1")) for name, value in headers]
    assert_alike(entry_points, get(b"ad=%b&subid=%b" % (TOKEN, query), *lines))


def test_without_a_recipe_every_entry_point_asks_to_come_again(entry_points: list[EntryPoint]) -> None:
    connection = entry_points[0].redis
    connection.flushall()
    try:
        for entry in entry_points:
            wait_until(partial(_has_nothing, entry), what="an answer without a recipe")
        outcome = assert_alike(entry_points, get(b"ad=" + TOKEN))
        assert outcome.answer.headers[b"retry-after"] == b"5"
    finally:
        load_recipe(RecipeStore(connection))


def _has_nothing(entry: EntryPoint) -> bool:
    # Until it has noticed, a worker answers from memory.
    return exchange(entry.port, get(b"ad=" + TOKEN)).status == 503
