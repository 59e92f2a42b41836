"""Input without an end, in every state in which a connection can be: a worker's memory stays as it is."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from devstack.services import Service
from tests import web_servers
from tests.offers.exchanges import Connection, connected, get
from tests.processes import DEADLINE_SECONDS, wait_until
from tests.security.conftest import GOOD, live_recipe

ENOUGH_BYTES = 64 * 1024**2
PIECE_BYTES = 64 * 1024
# Somebody who cannot send for so long is held back.
HELD_BACK_SECONDS = 3.0
GROWTH_MB = 24.0

CLICK, CLOSED, HELD_BACK = get(GOOD), "closed", "held back"
POST = b"POST /offer HTTP/1.1\r\nHost: a.example\r\n"
# Answered before its body is here, and without looking at it.
ANSWERED = b"POST /health HTTP/1.1\r\nHost: a.example\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = CHUNKED + b"0\r\n"
UPGRADE = get(GOOD, b"Connection: Upgrade", b"Upgrade: websocket")


class Endless(NamedTuple):
    """How a connection begins, and what comes then, again and again."""

    begin: bytes
    more: bytes


STATES = {
    "the method": Endless(b"", b"G"),
    "the path": Endless(b"GET /", b"a"),
    "the query": Endless(b"GET /offer?ad=", b"a"),
    "the version": Endless(b"GET / HTTP/1.1", b"1"),
    "a header's name": Endless(CLICK[:-2], b"a"),
    "a header's value": Endless(CLICK[:-2] + b"A: ", b"a"),
    "blanks before a value": Endless(CLICK[:-2] + b"A:", b" "),
    "headers": Endless(CLICK[:-2], b"A: b\r\n"),
    "headers without a value": Endless(CLICK[:-2], b"A:\r\n"),
    "a body longer than announced": Endless(POST + b"Content-Length: 10\r\n\r\n", b"a"),
    "a body of a click": Endless(get(GOOD, b"Content-Length: 1000000"), b"a"),
    "chunks": Endless(POST + CHUNKED, b"8000\r\n" + b"a" * 0x8000 + b"\r\n"),
    "chunks of a byte": Endless(POST + CHUNKED, b"1\r\na\r\n"),
    "a chunk's size": Endless(POST + CHUNKED, b"0"),
    "a chunk's extension": Endless(POST + CHUNKED + b"5;", b"a"),
    "a chunk's quoted extension": Endless(POST + CHUNKED + b'5;a="', b"a"),
    "a chunk's extensions": Endless(POST + CHUNKED + b"5", b";a=b"),
    "trailers": Endless(POST + LAST_CHUNK, b"A: b\r\n"),
    "trailers without a value": Endless(POST + LAST_CHUNK, b"A:\r\n"),
    "a trailer's name": Endless(POST + LAST_CHUNK, b"a"),
    "a trailer's value": Endless(POST + LAST_CHUNK + b"A: ", b"a"),
    "chunks after the answer": Endless(ANSWERED + CHUNKED, b"8000\r\n" + b"a" * 0x8000 + b"\r\n"),
    "chunks of a byte after the answer": Endless(ANSWERED + CHUNKED, b"1\r\na\r\n"),
    "trailers after the answer": Endless(ANSWERED + LAST_CHUNK, b"A:\r\n"),
    "a trailer's value after the answer": Endless(ANSWERED + LAST_CHUNK + b"A: ", b"a"),
    "empty lines before a request": Endless(b"", b"\r\n"),
    "empty lines between requests": Endless(CLICK, b"\r\n"),
    "short requests": Endless(b"", b"GET / HTTP/1.1\r\n\r\n"),
    "clicks whose redirects are not read": Endless(b"", CLICK),
    "pages that are not read": Endless(b"", get(path=b"/metrics")),
    "requests with a body": Endless(b"", POST + b"Content-Length: 5\r\n\r\nhello"),
    "requests with a trailer": Endless(b"", POST + LAST_CHUNK + b"A: b\r\n\r\n"),
    "what follows broken bytes": Endless(b"\0", CLICK),
    "what follows a broken request": Endless(CLICK + b"\0", CLICK),
    "what follows a refusal": Endless(get(GOOD, b"Content-Length: 9999999"), b"a"),
    "what follows a wish to close": Endless(get(GOOD, b"Connection: close"), CLICK),
    "what follows an upgrade": Endless(UPGRADE, b"a"),
    "requests after an upgrade": Endless(UPGRADE, CLICK),
    "requests after CONNECT": Endless(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", CLICK),
    "what is no HTTP/1": Endless(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0"),
}
# While the click before them waits for Redis.
WHILE_AN_ANSWER_WAITS = {
    "clicks": Endless(CLICK, CLICK),
    "short requests": Endless(CLICK, b"GET / HTTP/1.1\r\n\r\n"),
    "requests with a body": Endless(CLICK, POST + b"Content-Length: 5\r\n\r\nhello"),
    "a body": Endless(CLICK + POST + CHUNKED, b"8000\r\n" + b"a" * 0x8000 + b"\r\n"),
    "trailers": Endless(CLICK + POST + LAST_CHUNK, b"A:\r\n"),
    "headers": Endless(CLICK + CLICK[:-2], b"A: b\r\n"),
    "empty lines": Endless(CLICK, b"\r\n"),
    "broken bytes": Endless(CLICK, b"\0"),
    "what follows an upgrade": Endless(UPGRADE, b"a"),
    "requests after an upgrade": Endless(UPGRADE, CLICK),
}


@pytest.fixture(scope="module")
def server(redis_url: str, geoip_databases: None) -> Iterator[Service]:
    live_recipe(redis_url)
    with web_servers.protocol_server() as server:
        wait_until(lambda: workers(server), what="the worker's start")
        # What a worker needs once, for a page and for a click, is not what grows.
        with connected(server.port) as connection:
            connection.socket.settimeout(DEADLINE_SECONDS)
            connection.send((get(path=b"/metrics") + CLICK) * 10)
            assert [connection.answer().status for _ in range(20)] == [200, 302] * 10
        yield server


def workers(server: Service) -> list[str]:
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


def memory_mb(server: Service) -> float:
    """What the one worker of a server has in memory."""
    [worker] = workers(server)
    [line] = [line for line in Path(f"/proc/{worker}/status").read_text().splitlines() if "VmRSS" in line]
    return int(line.split()[1]) / 1024


def pour(connection: Connection, begin: bytes, more: bytes, enough: int = ENOUGH_BYTES) -> str:
    """Send for as long as the other side takes it; gives what ended it. Answers are not read."""
    piece = more * (PIECE_BYTES // len(more))
    left = memoryview(begin + piece)
    connection.socket.setblocking(False)
    sent = 0
    while sent < enough:
        _, writable, _ = select.select([], [connection.socket], [], HELD_BACK_SECONDS)
        if not writable:
            return HELD_BACK
        try:
            count = connection.socket.send(left)
        except ConnectionError:
            return CLOSED
        sent += count
        left = left[count:] or memoryview(piece)
    return "all of it was taken"


def assert_flat(server: Service, state: Endless) -> None:
    before = memory_mb(server)
    with connected(server.port) as connection:
        assert pour(connection, *state) in (CLOSED, HELD_BACK)
        assert memory_mb(server) - before < GROWTH_MB


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_input_without_an_end_fills_no_memory(server: Service, state: Endless) -> None:
    assert_flat(server, state)


@contextmanager
def hanging(redis_server: Service) -> Iterator[None]:
    """A Redis that does not answer meanwhile."""
    assert redis_server.pid
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)


@pytest.mark.parametrize("state", WHILE_AN_ANSWER_WAITS.values(), ids=WHILE_AN_ANSWER_WAITS)
def test_input_without_an_end_while_an_answer_waits_fills_no_memory(
    server: Service, valkey: Service, state: Endless
) -> None:
    with connected(server.port) as connection:
        connection.send(CLICK)
        assert connection.answer().status == 302
    with hanging(valkey):
        assert_flat(server, state)


def test_who_sends_ahead_and_reads_is_answered_from_the_same_memory(server: Service) -> None:
    """Requests that cost next to nothing to send, and more to answer."""
    before = memory_mb(server)
    with connected(server.port) as connection:
        connection.socket.setblocking(False)
        requests = get(path=b"/health") * 100
        read = 0
        while read < 2 * 1024**2:
            readable, writable, _ = select.select([connection.socket], [connection.socket], [], 60)
            assert readable or writable
            if writable:
                connection.socket.send(requests)
            if readable:
                read += len(connection.socket.recv(65536))
            assert memory_mb(server) - before < GROWTH_MB


def test_others_are_answered_meanwhile(server: Service) -> None:
    connections = [Connection(server.port) for _ in range(20)]
    for connection, state in zip(connections, STATES.values(), strict=False):
        pour(connection, *state, enough=PIECE_BYTES)
    with connected(server.port) as good:
        good.send(CLICK)
        assert good.answer().status == 302
    for connection in connections:
        connection.socket.close()
    wait_until(lambda: memory_mb(server) > 0, what="the worker's living on")
