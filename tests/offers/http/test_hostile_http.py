"""What a web worker does with HTTP that is slow, broken, hasty or rude."""

import json
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from devstack.services import Service
from offers.click_log.stream import LOG
from recipes.store.store import RecipeStore
from tests import web_servers
from tests.conformance.instance import KNOWN_LINK, load_recipe
from tests.offers.exchanges import Connection, connected, exchange, get
from tests.processes import wait_until

CLICK = get(b"ad=" + KNOWN_LINK.encode(), b"User-Agent: Firefox", b"X-Forwarded-For: 34.99.99.105")
JUNK = get(b"ad=junk")
SHORT_KEEP_ALIVE = "1"


@pytest.fixture(scope="module")
def log(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        load_recipe(RecipeStore(connection))
        yield connection


@pytest.fixture(scope="module")
def server(log: redis.Redis, geoip_databases: None) -> Iterator[Service]:
    with web_servers.protocol_server() as server:
        yield server


@pytest.fixture(scope="module")
def port(server: Service) -> int:
    return server.port


@pytest.fixture(scope="module")
def impatient_port(log: redis.Redis, geoip_databases: None) -> Iterator[int]:
    """A worker that keeps idle connections for a second only."""
    with web_servers.protocol_server(
        "cotraffic.asgi:application", "--keep-alive", SHORT_KEEP_ALIVE
    ) as server:
        yield server.port


@pytest.fixture(autouse=True)
def answers_others(port: int) -> Iterator[None]:
    """Whatever one client does, the next one is answered."""
    yield
    assert exchange(port, CLICK).status == 302


def lid(location: bytes) -> str:
    found = re.search(rb"lid=([0-9a-f-]{36})", location)
    assert found
    return found[1].decode()


def logged(log: redis.Redis) -> list[str]:
    entries: Any = log.xrange(LOG)
    return [json.loads(kept[b"click"])["lid"] for _, kept in entries]


@pytest.mark.parametrize("together", [2, 20, 300])
def test_requests_sent_at_once_are_answered_one_by_one_in_order(
    port: int, log: redis.Redis, together: int
) -> None:
    log.delete(LOG)
    with connected(port) as connection:
        connection.send(CLICK * together)
        answers = [connection.answer() for _ in range(together)]
    assert {answer.status for answer in answers} == {302}
    assert logged(log) == [lid(answer.headers[b"location"]) for answer in answers]


def test_requests_of_every_kind_sent_at_once_are_answered_in_order(port: int) -> None:
    head, post = get(method=b"HEAD"), get(b"a=1", b"Content-Length: 3", method=b"POST") + b"b=2"
    debug = CLICK.replace(b"?", b"?debug=debug&")
    mixture = [CLICK, JUNK, debug, CLICK, post, JUNK, CLICK]
    with connected(port) as connection:
        connection.send(b"".join(mixture))
        assert [connection.answer().status for _ in mixture] == [302, 404, 200, 302, 405, 404, 302]
        connection.send(head + CLICK)
        assert connection.answer(without_body=True).status == 404
        assert connection.answer().status == 302


def test_what_follows_a_wish_to_close_is_not_answered(port: int, log: redis.Redis) -> None:
    closing = CLICK.replace(b"User-Agent", b"Connection: close\r\nUser-Agent")
    log.delete(LOG)
    with connected(port) as connection:
        connection.send(closing + CLICK)
        answer = connection.answer()
        assert (answer.status, answer.headers[b"connection"]) == (302, b"close")
        assert connection.is_closed()
    assert logged(log) == [lid(answer.headers[b"location"])]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_request_that_comes_in_pieces_is_a_request(port: int, log: redis.Redis, size: int) -> None:
    log.delete(LOG)
    with connected(port) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(CLICK), size):
            connection.send(CLICK[at : at + size])
        assert connection.answer().status == 302
        connection.send(CLICK)
        assert connection.answer().status == 302
    assert len(logged(log)) == 2


def test_the_end_of_one_request_may_come_with_the_next(port: int) -> None:
    with connected(port) as connection:
        connection.send(CLICK[:40])
        time.sleep(0.05)
        connection.send(CLICK[40:] + CLICK[:30])
        assert connection.answer().status == 302
        connection.send(CLICK[30:])
        assert connection.answer().status == 302


@pytest.mark.parametrize("part", [1, 20, len(CLICK) - 2])
def test_who_leaves_in_the_middle_of_a_request_has_not_clicked(
    port: int, log: redis.Redis, part: int
) -> None:
    log.delete(LOG)
    with connected(port) as connection:
        connection.send(CLICK[:part])
    assert exchange(port, JUNK).status == 404
    assert logged(log) == []


def test_who_leaves_before_the_answer_has_clicked_all_the_same(port: int, log: redis.Redis) -> None:
    log.delete(LOG)
    for _ in range(20):
        with connected(port) as connection:
            connection.send(CLICK)
            # Not even a goodbye: the answer finds a connection that was reset.
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: len(logged(log)) == 20, what="the logging of clicks whose visitors have left")


@pytest.mark.parametrize("request_", [CLICK, JUNK], ids=["clicks", "junk"])
def test_who_does_not_read_is_not_read_from(port: int, request_: bytes) -> None:
    with connected(port) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.socket.settimeout(1.0)
        # Without back-pressure the worker would take all of it, and keep as many answers in memory.
        with pytest.raises(TimeoutError):
            connection.send(request_ * (64 * 1024**2 // len(request_)))


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /offer?ad=1 HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /offer?ad=1 HTTP/1.1\r\nNo colon here\r\n\r\n",
        b"GET /offer?ad=1 HTTP/1.1\r\nHost: a\r\nBad name: 1\r\n\r\n",
        b"GET /offer?ad=1 HTTP/1.1\r\nHost: a\r\nReferer: a\0b\r\n\r\n",
        b"GET /offer?a d=1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /offer?ad=1 HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET /offer?ad=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_closed(port: int, log: redis.Redis, garbage: bytes) -> None:
    log.delete(LOG)
    with connected(port) as connection:
        connection.send(garbage)
        assert connection.answer().status == 400
        assert connection.is_closed()
    assert logged(log) == []


UNENCODED = CLICK.replace(b" HTTP/1.1", "&subid=caf\u00e9_\u9b45".encode() + b" HTTP/1.1")


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_url_with_bytes_beyond_ascii_may_come_in_pieces(port: int, log: redis.Redis, size: int) -> None:
    log.delete(LOG)
    with connected(port) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            for at in range(0, len(UNENCODED), size):
                connection.send(UNENCODED[at : at + size])
            assert connection.answer().status == 302
    assert noted(log) == ["caf\u00e9_\u9b45"] * 2


def noted(log: redis.Redis) -> list[str]:
    entries: Any = log.xrange(LOG)
    return [json.loads(kept[b"click"]).get("subCampaign", "") for _, kept in entries]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_bytes_beyond_ascii_are_encoded_in_the_request_line_alone(
    port: int, log: redis.Redis, size: int
) -> None:
    """A body that were changed would end in the middle of what looks like a request."""
    body = "\r\nGET /caf\u00e9 HTTP/1.1\r\n\r\n\u00e9".encode()
    post = get(b"ad=1", b"X: caf\xc3\xa9", b"Content-Length: %d" % len(body), method=b"POST") + body
    log.delete(LOG)
    with connected(port) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(post), size):
            connection.send(post[at : at + size])
        assert connection.answer().status == 405
        connection.send(CLICK)
        assert connection.answer().status == 302
    assert len(logged(log)) == 1


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n\r\n"])
def test_empty_lines_before_such_a_url_do_no_harm(port: int, log: redis.Redis, before: bytes) -> None:
    log.delete(LOG)
    assert exchange(port, before + UNENCODED).status == 302
    assert noted(log) == ["caf\u00e9_\u9b45"]


@pytest.mark.parametrize(
    "line",
    [
        "G\u00c9T /offer?ad=1 HTTP/1.1",
        "GET /offer?ad=1 HTTP/1.\u00e9",
        "GET /offer?ad=1\u00e9 b HTTP/1.1",
        "\u00e9",
        "GET /offer?ad=1\u00e9\x00 HTTP/1.1",
    ],
)
def test_what_is_no_request_line_with_such_bytes_is_refused(port: int, line: str) -> None:
    with connected(port) as connection:
        connection.send(line.encode() + b"\r\nHost: a\r\n\r\n")
        assert connection.answer().status == 400
        assert connection.is_closed()


def test_broken_http_after_a_click_closes_and_leaves_the_click(port: int, log: redis.Redis) -> None:
    log.delete(LOG)
    with connected(port) as connection:
        connection.send(CLICK)
        assert connection.answer().status == 302
        connection.send(b"\0\0\0\0")
        assert connection.answer().status == 400
        assert connection.is_closed()
    assert len(logged(log)) == 1


def test_an_idle_connection_is_closed(impatient_port: int) -> None:
    with connected(impatient_port) as connection:
        connection.send(CLICK)
        assert connection.answer().status == 302
        assert connection.is_closed()


def test_a_connection_in_use_is_not_closed(impatient_port: int) -> None:
    with connected(impatient_port) as connection:
        for _ in range(8):
            connection.send(CLICK)
            assert connection.answer().status == 302
            time.sleep(float(SHORT_KEEP_ALIVE) / 3)


@pytest.mark.parametrize("part", [b"", CLICK[:1], CLICK[:-2]], ids=["nothing", "a byte", "almost all"])
def test_a_request_that_never_ends_is_closed(impatient_port: int, part: bytes) -> None:
    with connected(impatient_port) as connection:
        connection.send(part)
        assert connection.is_closed()


def test_a_request_that_drips_is_closed(impatient_port: int) -> None:
    with connected(impatient_port) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        drip(connection)


def drip(connection: Connection) -> None:
    for byte in CLICK:
        connection.send(bytes([byte]))
        time.sleep(0.1)


def test_clients_that_leave_leave_nothing_open(server: Service, port: int) -> None:
    [worker] = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    before = len(os.listdir(f"/proc/{worker}/fd"))
    for part in (CLICK, CLICK[:50], JUNK):
        for _ in range(20):
            with connected(port) as connection:
                connection.send(part)
    wait_until(lambda: len(os.listdir(f"/proc/{worker}/fd")) <= before + 1, what="the closing of connections")
