"""Trailers are passed over: no visitor says behind a body what a proxy has taken out of the head."""

import json
from contextlib import suppress
from typing import Any

import pytest
import redis

from offers.click_log.stream import LOG
from tests.offers.exchanges import connected, get
from tests.processes import DEADLINE_SECONDS
from tests.security.conftest import GOOD

HEAD = (b"X-Forwarded-For: 34.99.99.105", b"User-Agent: of the head", b"Transfer-Encoding: chunked")
TRAILERS = b"X-Forwarded-For: 81.2.69.142\r\nUser-Agent: of the trailer\r\nReferer: http://t.example/\r\n"
# They come in one piece with the head and the request behind them, or in pieces of these sizes.
SIZES = [1, 2, 3, 7, 40, 100_000]


def records(client: redis.Redis) -> list[dict[str, Any]]:
    entries: Any = client.xrange(LOG)
    return [json.loads(kept[b"click"]) for _, kept in entries]


@pytest.mark.parametrize("body", [b"", b"5\r\nhello\r\n"], ids=["no body", "a body"])
@pytest.mark.parametrize("size", SIZES)
def test_a_trailer_is_no_header_of_its_click_and_none_of_the_next(
    worker: int, redis_url: str, body: bytes, size: int
) -> None:
    requests = get(GOOD, *HEAD) + body + b"0\r\n" + TRAILERS + b"\r\n" + get(GOOD, b"X-None: 1")
    with redis.Redis.from_url(redis_url) as client, connected(worker) as connection:
        client.delete(LOG)
        connection.socket.settimeout(DEADLINE_SECONDS)
        for at in range(0, len(requests), size):
            connection.send(requests[at : at + size])
        assert [connection.answer().status for _ in range(2)] == [302, 302]
        first, second = records(client)
    assert (first["IP"], first["userAgent"]) == ("34.99.99.105", "of the head")
    assert second["IP"] == "127.0.0.1"
    assert "userAgent" not in second
    assert "referer" not in first | second


def test_a_trailer_in_place_of_a_header_is_not_there(worker: int, redis_url: str) -> None:
    request = get(GOOD, b"Transfer-Encoding: chunked") + b"0\r\n" + TRAILERS + b"\r\n"
    with redis.Redis.from_url(redis_url) as client, connected(worker) as connection:
        client.delete(LOG)
        connection.send(request)
        assert connection.answer().status == 302
        (record,) = records(client)
    assert record["IP"] == "127.0.0.1"
    assert not {"userAgent", "referer"} & set(record)


def context(worker: int, trailer: bytes) -> list[int]:
    """The statuses of a click with such a trailer and, unless the connection ends, of the click behind it."""
    with connected(worker) as connection:
        request = get(GOOD, b"Transfer-Encoding: chunked") + b"0\r\n" + trailer + b"\r\n\r\n"
        connection.send(request + get(GOOD))
        statuses = [connection.answer().status]
        with suppress(EOFError, ConnectionResetError):
            statuses.append(connection.answer().status)
        return statuses


@pytest.mark.parametrize(
    "trailer",
    [
        b"Expect: 100-continue",
        b"Host: b.example",
        b"Upgrade: websocket\r\nConnection: upgrade",
        b"Connection: keep-alive",
    ],
)
def test_a_trailer_that_would_mean_something_in_a_head_is_passed_over(worker: int, trailer: bytes) -> None:
    assert context(worker, trailer) == [302, 302]


@pytest.mark.parametrize(
    "trailer", [b"Content-Length: 9", b"Content-Length: 999999999", b"Transfer-Encoding: x", b"A b: c"]
)
def test_a_trailer_that_would_move_the_end_of_the_body_is_a_bad_request(worker: int, trailer: bytes) -> None:
    assert context(worker, trailer) == [400]


@pytest.mark.parametrize("path", [b"/offer", b"/health"])
def test_a_trailer_that_ends_the_connection_swallows_no_request_in_silence(worker: int, path: bytes) -> None:
    request = get(GOOD, b"Transfer-Encoding: chunked", path=path) + b"0\r\n"
    with connected(worker) as connection:
        connection.send(request)
        connection.send(b"Connection: close\r\n\r\n" + get(GOOD))
        assert connection.answer().status in (200, 302)
        assert connection.is_closed()
