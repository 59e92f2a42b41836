"""Request lines that the parser would refuse, sent to an application that repeats what it is sent."""

import asyncio

import pytest

from offers.http.request_line import end_of_request, is_request, origin_form, with_ascii_line
from tests.offers.http.serving import repeated

BODY = "\r\nGET /café HTTP/1.1\r\n\r\né".encode()
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nX: caf\xc3\xa9\r\nContent-Length: %d\r\n\r\n" % len(BODY)
GET = "GET /é?ü HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        (b"/offer?u=http://a/b", b"/offer?u=http://a/b"),
        (b"http://a_b:99999//offer?x", b"//offer?x"),
        (b"HTTPS://[::1]:80/offer", b"/offer"),
        (b"http://a?b=/c", b"http://a?b=/c"),
        (b"*", b"*"),
        (b"a:443", b"a:443"),
    ],
)
def test_a_whole_url_is_cut_to_its_path(target: bytes, origin: bytes) -> None:
    assert origin_form(target) == origin


@pytest.mark.parametrize(
    ("data", "ascii_line"),
    [
        (b"GET /\xc3\xa9 HTTP/1.1\r\nX: \xc3\xa9\r\n", b"GET /%C3%A9 HTTP/1.1\r\nX: \xc3\xa9\r\n"),
        (b"GET /\xff", b"GET /%FF"),
        (b"\xc3\n\xa9", b"%C3\n\xa9"),
    ],
)
def test_only_the_line_is_encoded(data: bytes, ascii_line: bytes) -> None:
    assert with_ascii_line(data) == ascii_line


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b", 27),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", 25),
        (b"0\r\n\r\nGET", 5),
        (b"\r\n\r\nGET", 4),
        (b"\nGET", 1),
        (b"\r\n", 2),
    ],
)
def test_a_request_may_end_behind_an_empty_line(data: bytes, end: int) -> None:
    assert end_of_request(data) == end


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"FOO /offer?ad=1 HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"\r\nget * HTTP/1.0\r\n\r\n", True),
        (b"FOO /\xc3\xa9 HTTP/1.1\r\n\r\n", True),
        (b"G\xc3\x89T / HTTP/1.1\r\n\r\n", False),
        (b"G%C3%89T / HTTP/1.1\r\n\r\n", False),
        (b"FOO / HTTP/2.0\r\n\r\n", False),
        (b"FOO /a b HTTP/1.1\r\n\r\n", False),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", False),
        (b"", False),
    ],
)
def test_a_request_line_is_known_whatever_its_method(data: bytes, is_one: bool) -> None:
    assert is_request(data) is is_one


def test_a_body_is_never_changed_wherever_it_is_cut() -> None:
    pieces = [BODY[at : at + 1] for at in range(len(BODY))]
    answer = asyncio.run(repeated([POST, *pieces, GET]))
    assert b"/x  caf\xc3\xa9 " + BODY in answer
    assert answer.endswith("/é %C3%BC  ".encode())


def test_a_header_that_follows_a_cut_line_is_never_changed() -> None:
    head = b"GET /x HTTP/1.1\r\nX: caf\xc3\xa9\r\nConnection: close\r\n\r\n"
    line = head.index(b"\r\n")
    assert asyncio.run(repeated([head[:line], head[line:]])).endswith(b"/x  caf\xc3\xa9 ")
