"""Plain clicks are answered by our protocol, whatever comes before and behind them on a connection."""

import pytest

from tests.offers.exchanges import Answer, connected, exchange, get
from tests.security.conftest import GOOD

CLICK = get(GOOD, b"User-Agent: Firefox")


def is_ours(answer: Answer) -> bool:
    """Whether the answer did not come through Django, whose middleware adds a header."""
    return b"x-content-type-options" not in answer.headers


def test_clicks_behind_other_requests_are_answered_here(worker: int) -> None:
    """A load balancer sends probes, pages and clicks over the same connections."""
    with connected(worker) as connection:
        for other in (get(path=b"/health"), get(b"debug=debug&" + GOOD), get(path=b"/no/such/page")):
            connection.send(other)
            connection.answer()
            connection.send(CLICK)
            answer = connection.answer()
            assert (answer.status, is_ours(answer)) == (302, True)


def test_unusual_clicks_are_answered_here(worker: int) -> None:
    for request in (
        CLICK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        CLICK.replace(b"User-Agent", b"Connection: close\r\nUser-Agent"),
        CLICK.replace(b"/offer", b"//%6fFFer/"),
        CLICK.replace(b"/offer", b"http://a_b:1/offer"),
        CLICK.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
        CLICK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ):
        with connected(worker) as connection:
            connection.send(request)
            answer = connection.answer()
            assert (answer.status, is_ours(answer)) == (302, True)


def test_head_is_answered_here_and_without_a_body(worker: int) -> None:
    with connected(worker) as connection:
        for query, status in ((GOOD, 302), (b"ad=junk", 404), (GOOD, 302)):
            connection.send(get(query, method=b"HEAD"))
            answer = connection.answer(without_body=True)
            assert (answer.status, is_ours(answer)) == (status, True)


def test_a_debug_request_and_other_methods_are_the_applications(worker: int) -> None:
    for request in (get(b"debug=debug&" + GOOD), get(GOOD, b"Content-Length: 0", method=b"POST")):
        with connected(worker) as connection:
            connection.send(request)
            assert not is_ours(connection.answer())


@pytest.mark.parametrize(
    "request_",
    [
        get(GOOD, method=b"FOO"),
        get(GOOD, method=b"get"),
        get(GOOD + b"&subid=\xc3\xa9", method=b"FOO"),
        b"\r\n" + get(path=b"/no/such/page", method=b"FOO"),
        get(path=b"*", method=b"OPTIONS"),
    ],
    # Tokens differ from process to process.
    ids=["unknown", "in small letters", "beyond ASCII", "behind an empty line", "of the server"],
)
def test_a_method_that_nobody_knows_is_not_allowed(worker: int, request_: bytes) -> None:
    with connected(worker) as connection:
        connection.send(request_)
        answer = connection.answer()
        assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, HEAD")
        assert answer.headers[b"connection"] == b"close"
        assert connection.is_closed()


def test_only_options_may_ask_for_the_server_as_a_whole(worker: int) -> None:
    assert exchange(worker, get(path=b"*")).status == 400
