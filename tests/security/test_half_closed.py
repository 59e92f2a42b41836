"""Clients that close their side once they have asked: they get their answers, and their clicks count."""

import socket

import pytest
import redis

from offers.click_log.stream import LOG
from tests.offers.exchanges import connected, get
from tests.processes import DEADLINE_SECONDS
from tests.security.conftest import GOOD

CLICK, JUNK = get(GOOD), get(b"ad=junk")
POST = get(b"a=1", b"Content-Length: 3", method=b"POST")


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (CLICK, [302]),
        (JUNK, [404]),
        (CLICK * 50, [302] * 50),
        (get(path=b"/admin/login/"), [200]),
        (POST + b"b=2", [405]),
        (CLICK + CLICK[:-5], [302]),
        (CLICK + b"\0", [302]),
        (CLICK + POST + b"b", [302]),
        (b"", []),
        (CLICK[:-2], []),
        (POST + b"b", []),
    ],
    ids=[
        *("click", "junk", "clicks", "page", "post"),
        *("and half a click", "and broken bytes", "and half a body"),
        *("nothing", "half a click", "half a body"),
    ],
)
def test_who_sends_no_more_gets_the_answers_to_what_is_complete(
    worker: int, redis_url: str, sent: bytes, statuses: list[int]
) -> None:
    with redis.Redis.from_url(redis_url) as client, connected(worker) as connection:
        client.delete(LOG)
        connection.socket.settimeout(DEADLINE_SECONDS)
        connection.send(sent)
        connection.socket.shutdown(socket.SHUT_WR)
        assert [connection.answer().status for _ in statuses] == statuses
        assert connection.is_closed()
        assert client.xlen(LOG) == statuses.count(302)


def test_the_last_answer_says_that_it_is(worker: int) -> None:
    with connected(worker) as connection:
        connection.send(CLICK)
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.answer().headers[b"connection"] == b"close"
