"""What no person asks for comes to the same at every entry point, also with HEAD and over HTTP/1.0."""

from collections.abc import Iterator
from typing import Any

import pytest

from offers.click_log.stream import LOG
from tests.conformance.instance import KNOWN_LINK
from tests.offers.entry_points import EntryPoint, open_entry_points
from tests.offers.exchanges import Connection, get
from tests.offers.http.test_parity import CHROME, assert_alike

QUERY = b"ad=" + KNOWN_LINK.encode()
PURPOSES = (
    b"Sec-Purpose: prefetch",
    b"sec-purpose: prefetch;prerender",
    b"Purpose: prefetch",
    b"X-Purpose: prefetch",
    b"X-Moz: prefetch",
)


@pytest.fixture(scope="module")
def entry_points(redis_url: str, geoip_databases: None) -> Iterator[list[EntryPoint]]:
    with open_entry_points(redis_url) as entry_points:
        yield entry_points


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("query", [QUERY, b"ad=zz", b""])
def test_what_is_fetched_ahead_gets_a_503_that_nobody_keeps(
    entry_points: list[EntryPoint], query: bytes, purpose: bytes
) -> None:
    answer, clicks, conversions = assert_alike(entry_points, get(query, CHROME, purpose))
    assert (answer.status, answer.headers[b"cache-control"], answer.body) == (503, b"no-store", b"")
    assert (clicks, conversions) == ([], 0)


@pytest.mark.parametrize(
    "request_",
    [
        get(QUERY, CHROME, PURPOSES[0], method=b"HEAD"),
        get(QUERY, CHROME, PURPOSES[0]).replace(b"HTTP/1.1", b"HTTP/1.0"),
        get(QUERY, CHROME, PURPOSES[0], b"Connection: close"),
        get(QUERY, CHROME, PURPOSES[0], b"Content-Length: 4") + b"body",
    ],
    ids=["HEAD", "HTTP/1.0", "the last request", "with a body"],
)
def test_so_does_what_asks_for_it_in_an_unusual_way(entry_points: list[EntryPoint], request_: bytes) -> None:
    answer, clicks, _ = assert_alike(entry_points, request_)
    assert (answer.status, clicks) == (503, [])


def test_so_does_what_is_sent_ahead_of_a_click_which_is_answered(entry_points: list[EntryPoint]) -> None:
    ahead, click = get(QUERY, CHROME, PURPOSES[0]), get(QUERY, CHROME)
    for entry in entry_points:
        entry.cases.forget_clicks()
        connection = Connection(entry.port)
        connection.send(ahead + click + ahead)
        assert [connection.answer().status for _ in range(3)] == [503, 302, 503]
        connection.socket.close()
        assert entry.redis.xlen(LOG) == 1


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ((b"User-Agent: facebookexternalhit/1.1",), "preview"),
        ((b"User-Agent: Googlebot/2.1",), "bot"),
        ((b"User-Agent: curl/8.5.0",), "program"),
        ((b"User-Agent: ",), "no user agent"),
        ((), "no user agent"),
        ((CHROME, b"X-Purpose: preview"), "preview"),
    ],
)
def test_other_machines_are_answered_and_written_as_what_they_are(
    entry_points: list[EntryPoint], headers: tuple[bytes, ...], reason: str
) -> None:
    answer, [click], conversions = assert_alike(entry_points, get(QUERY, *headers))
    assert (answer.status, conversions) == (302, 0)
    assert (click["isAutomated"], click["automatedReason"], click["unique"]) == (True, reason, b"0")


def test_a_person_whose_agent_a_machine_borrows_in_front_is_unique_all_the_same(
    entry_points: list[EntryPoint],
) -> None:
    for entry in entry_points:
        entry.cases.forget_clicks()
        connection = Connection(entry.port)
        for headers in ((CHROME, b"Purpose: preview"), (CHROME,), (CHROME,)):
            connection.send(get(QUERY, *headers))
            assert connection.answer().status == 302
        connection.socket.close()
        entries: Any = entry.redis.xrange(LOG)
        assert [kept[b"unique"] for _, kept in entries] == [b"0", b"1", b"0"]
