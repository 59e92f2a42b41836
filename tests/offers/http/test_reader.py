"""Bytes beyond ASCII in any request line of a connection mean what they mean in the first one."""

import asyncio
import json
from typing import Any

import pytest
import redis

from offers.click_log.stream import LOG
from tests.offers.exchanges import connected, get
from tests.offers.http.serving import repeated
from tests.security.conftest import GOOD

CLICK = get(GOOD, b"User-Agent: Firefox")
UNENCODED = get(GOOD + "&subid=é".encode(), b"User-Agent: Firefox", "Referer: https://é.example/".encode())
BODY = "\r\n\r\nGET /é HTTP/1.1\r\n\r\né\n".encode()
LAST = "GET /last?é HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


def notes(redis_url: str) -> list[str]:
    """The affiliate's notes of the clicks that are written, "-" for one without."""
    with redis.Redis.from_url(redis_url) as client:
        entries: Any = client.xrange(LOG)
    return [json.loads(kept[b"click"]).get("subCampaign", "-") for _, kept in entries]


def statuses(port: int, redis_url: str, requests: list[bytes]) -> list[int]:
    """The statuses of requests that are sent at once, with an empty log before them."""
    with redis.Redis.from_url(redis_url) as client, connected(port) as connection:
        client.delete(LOG)
        connection.send(b"".join(requests))
        return [connection.answer().status for _ in requests]


def test_clicks_sent_ahead_may_have_such_bytes(worker: int, redis_url: str) -> None:
    requests = [CLICK, UNENCODED, UNENCODED, CLICK, UNENCODED]
    assert statuses(worker, redis_url, requests) == [302] * 5
    assert notes(redis_url) == ["-", "é", "é", "-", "é"]


def test_so_many_that_they_wait_may_have_them(worker: int, redis_url: str) -> None:
    assert statuses(worker, redis_url, [UNENCODED] * 100) == [302] * 100
    assert notes(redis_url) == ["é"] * 100


@pytest.mark.parametrize(
    "before",
    [
        get(b"", b"Content-Length: 3", method=b"POST") + b"abc",
        get(b"", b"Content-Length: %d" % len(BODY), method=b"POST") + BODY,
        get(b"", b"Transfer-Encoding: chunked", method=b"POST")
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
        get(b"", b"Transfer-Encoding: chunked", method=b"POST") + "0\r\nX: é\r\n\r\n".encode(),
    ],
    ids=["a body", "a body like a request", "chunks", "trailers"],
)
def test_a_click_behind_a_body_may_have_them(worker: int, redis_url: str, before: bytes) -> None:
    assert statuses(worker, redis_url, [before, UNENCODED]) == [405, 302]
    assert notes(redis_url) == ["é"]


def test_a_click_that_begins_in_the_segment_of_another_may_have_them(worker: int, redis_url: str) -> None:
    cut = UNENCODED.index(b"?")
    with redis.Redis.from_url(redis_url) as client, connected(worker) as connection:
        client.delete(LOG)
        connection.send(CLICK + UNENCODED[:cut])
        assert connection.answer().status == 302
        connection.send(UNENCODED[cut:])
        assert connection.answer().status == 302
    assert notes(redis_url) == ["-", "é"]


@pytest.mark.parametrize("first", [b"/first", "/é".encode()], ids=["ASCII", "not ASCII"])
def test_requests_may_be_cut_anywhere(first: bytes) -> None:
    head = b"GET " + first + b" HTTP/1.1\r\nHost: a\r\nX: " + "é".encode() + b"\r\n\r\n"
    data = head + b"\r\n" + LAST

    async def cut_everywhere() -> list[bytes]:
        return [await repeated([data[:at], data[at:]]) for at in range(1, len(data))]

    for answers in asyncio.run(cut_everywhere()):
        assert answers.count(b"HTTP/1.1 200 ") == 2
        assert first + "  é ".encode() in answers
        assert answers.endswith(b"/last %C3%A9  ")


def test_a_body_behind_another_request_is_never_changed() -> None:
    post = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    answers = asyncio.run(repeated([post + post + LAST]))
    assert answers.count(b"/x   " + BODY) == 2


@pytest.mark.parametrize("header", [b"Connection: close", b"Connection: Upgrade\r\nUpgrade: h2c"])
def test_what_follows_the_last_request_is_not_read(worker: int, redis_url: str, header: bytes) -> None:
    with redis.Redis.from_url(redis_url) as client, connected(worker) as connection:
        client.delete(LOG)
        connection.send(UNENCODED.replace(b"User-Agent", header + b"\r\nUser-Agent") + UNENCODED)
        assert connection.answer().status == 302
        assert connection.is_closed()
    assert notes(redis_url) == ["é"]


@pytest.mark.parametrize("zeros", [5000, 20])
def test_a_length_of_too_many_digits_is_refused_before_such_bytes(worker: int, zeros: int) -> None:
    with connected(worker) as connection:
        connection.send(get(b"", b"Content-Length: " + b"0" * zeros + b"3", method=b"POST") + "éa".encode())
        assert connection.answer().status == 413
        assert connection.is_closed()
