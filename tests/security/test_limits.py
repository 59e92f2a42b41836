"""How large a request may be: within a limit it passes, over it gets its status and a closed connection."""

from contextlib import suppress

import pytest

from offers.http.limits import MAX_BODY_BYTES, MAX_HEADERS, MAX_URL_BYTES
from tests.offers.exchanges import Connection, connected, get
from tests.security.conftest import GOOD


def send(connection: Connection, data: bytes) -> None:
    """Send what the other side may refuse before it has all of it."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.send(data)


def context(port: int, request: bytes) -> int:
    """The status of the only answer; a refusal closes the connection."""
    with connected(port) as connection:
        send(connection, request)
        return refused(connection)


def refused(connection: Connection) -> int:
    answer = connection.answer()
    if answer.status not in (302, 404):
        assert answer.headers[b"connection"] == b"close"
        assert connection.is_closed()
    return answer.status


def many(number: int, size: int = 1) -> list[bytes]:
    return [b"X-%d: %s" % (at, b"a" * size) for at in range(number)]


def test_a_long_click_is_answered(worker: int) -> None:
    query = GOOD + b"&subid="
    assert context(worker, get(query + b"s" * (MAX_URL_BYTES - len(b"/offer?" + query)))) == 302


@pytest.mark.parametrize("size", [MAX_URL_BYTES, 100_000, 1_000_000, 8_000_000])
def test_a_url_that_is_too_long_is_refused(worker: int, size: int) -> None:
    assert context(worker, get(GOOD + b"&subid=" + b"s" * size)) == 414


def test_a_url_without_an_end_is_refused(worker: int) -> None:
    with connected(worker) as connection:
        send(connection, b"GET /offer?ad=")
        for _ in range(100):
            send(connection, b"a" * 10_000)
        assert refused(connection) == 414


def test_as_many_headers_as_allowed_are_read(worker: int) -> None:
    assert context(worker, get(GOOD, *many(MAX_HEADERS - 1, 50))) == 302


@pytest.mark.parametrize(("number", "size"), [(MAX_HEADERS, 50), (10_000, 1), (2, 20_000), (1, 1_000_000)])
def test_headers_that_are_too_many_or_too_large_are_refused(worker: int, number: int, size: int) -> None:
    assert context(worker, get(GOOD, *many(number, size))) == 431


def test_headers_without_an_end_are_refused(worker: int) -> None:
    with connected(worker) as connection:
        send(connection, get(GOOD)[:-2])
        for _ in range(1000):
            send(connection, b"X-Header: " + b"a" * 1000 + b"\r\n")
        assert refused(connection) == 431


def test_many_small_requests_at_once_are_all_answered(worker: int) -> None:
    with connected(worker) as connection:
        connection.send(get(GOOD) * 500 + get(GOOD)[:-2])
        assert [connection.answer().status for _ in range(500)] == [302] * 500
        connection.send(b"\r\n")
        assert connection.answer().status == 302


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT"])
@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "9" * 18])
def test_a_body_that_is_announced_too_large_is_refused(worker: int, method: bytes, length: str) -> None:
    assert context(worker, get(GOOD, f"Content-Length: {length}".encode(), method=method)) == 413


def test_a_body_in_pieces_that_becomes_too_large_is_refused(worker: int) -> None:
    piece = b"%x\r\n%s\r\n" % (64 * 1024, b"b" * 64 * 1024)
    assert context(worker, get(GOOD, b"Transfer-Encoding: chunked", method=b"POST") + piece * 20) == 413


def chunked(*trailers: bytes, chunk: bytes = b"") -> bytes:
    """A body in chunks, `chunk` and the last one, with trailers."""
    return b"".join([chunk, b"0\r\n", *(trailer + b"\r\n" for trailer in trailers), b"\r\n"])


CHUNKED = b"Transfer-Encoding: chunked"


def test_as_many_trailers_as_allowed_are_passed_over(worker: int) -> None:
    with connected(worker) as connection:
        for _ in range(2):
            connection.send(get(GOOD, CHUNKED) + chunked(*many(MAX_HEADERS, 50)))
            assert connection.answer().status == 302


@pytest.mark.parametrize(("number", "size"), [(MAX_HEADERS + 1, 1), (2, 60_000), (1, 200_000)])
def test_trailers_that_are_too_many_or_too_large_are_refused(worker: int, number: int, size: int) -> None:
    request = get(GOOD, CHUNKED, method=b"POST") + chunked(*many(number, size))
    assert context(worker, request) in (413, 431)


def test_a_request_whose_body_is_not_complete_has_no_answer_but_its_refusal(worker: int) -> None:
    with connected(worker) as connection:
        connection.send(get(b"", CHUNKED, method=b"POST", path=b"/health"))
        send(connection, chunked(*many(10_000)))
        assert refused(connection) in (413, 431)


@pytest.mark.parametrize("chunk", [b"1;" + b"a" * 3000 + b"\r\nb\r\n", b"1\r\nb\r\n" * 1000])
def test_a_body_in_odd_chunks_is_passed_over(worker: int, chunk: bytes) -> None:
    assert context(worker, get(GOOD, CHUNKED) + chunked(chunk=chunk)) == 302


@pytest.mark.parametrize(
    "chunk", [b"1;" + b"a" * 200_000 + b"\r\nb\r\n", b"1\r\nb\r\n" * 50_000, b"0" * 200_000]
)
def test_chunks_with_more_around_them_than_in_them_are_refused(worker: int, chunk: bytes) -> None:
    assert context(worker, get(GOOD, CHUNKED, method=b"POST") + chunk) == 413


def test_some_empty_lines_before_a_request_are_passed_over(worker: int) -> None:
    assert context(worker, b"\r\n" * 1000 + get(GOOD)) == 302


def test_nothing_but_empty_lines_is_a_bad_request(worker: int) -> None:
    assert context(worker, b"\r\n" * 100_000) == 400


def test_too_many_small_headers_are_refused(worker: int) -> None:
    assert context(worker, get(GOOD, *[b"a:"] * MAX_HEADERS)) == 431


def test_a_body_with_a_click_is_passed_over(worker: int) -> None:
    with connected(worker) as connection:
        for _ in range(2):
            connection.send(get(GOOD, b"Content-Length: 5") + b"hello")
            assert connection.answer().status == 302


@pytest.mark.parametrize(
    "junk",
    [
        b"GET /offer HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /offer HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\n\r\n",
        b"GET http:// HTTP/1.1\r\n\r\n",
    ],
)
def test_what_cannot_be_meant_for_us_is_a_bad_request(worker: int, junk: bytes) -> None:
    assert context(worker, junk) == 400


def test_a_wish_for_another_protocol_is_passed_over(worker: int) -> None:
    with connected(worker) as connection:
        connection.send(get(GOOD, b"Connection: Upgrade", b"Upgrade: websocket"))
        assert connection.answer().status == 302
        assert connection.is_closed()
