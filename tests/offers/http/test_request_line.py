"""Request lines that the parser would refuse, sent to an application that repeats what it is sent."""

import asyncio
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from devstack.services import LOCALHOST
from offers.http.protocol import ClickProtocol
from offers.http.request_line import origin_form, with_ascii_line
from tests.processes import DEADLINE_SECONDS

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
        (b"\r\n\r\nGET /\xff", b"\r\n\r\nGET /%FF"),
        (b"\xc3\n\xa9", b"%C3\n\xa9"),
    ],
)
def test_only_the_line_is_encoded(data: bytes, ascii_line: bytes) -> None:
    assert with_ascii_line(data) == ascii_line


async def repeat(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers with what it has received."""
    header = dict(scope["headers"]).get(b"x", b"")
    body = b" ".join((scope["path"].encode(), scope["query_string"], header, b""))
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Counting(ClickProtocol):
    """A connection that tells how many bytes it has parsed."""

    parsed = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        Counting.parsed += len(data)


async def repeated(parts: list[bytes]) -> bytes:
    """What comes back for parts, each sent when the one before it was parsed."""
    config = Config(repeat, log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Counting(config, ServerState(), {}, loop), LOCALHOST, 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with server, asyncio.timeout(DEADLINE_SECONDS):
        begin, sent = Counting.parsed, 0
        for part in parts:
            writer.write(part)
            sent += len(part)
            while Counting.parsed - begin != sent:
                await asyncio.sleep(0.001)
        answer = await reader.read()
        writer.close()
    return answer


def test_a_body_is_never_changed_wherever_it_is_cut() -> None:
    pieces = [BODY[at : at + 1] for at in range(len(BODY))]
    answer = asyncio.run(repeated([POST, *pieces, GET]))
    assert b"/x  caf\xc3\xa9 " + BODY in answer
    assert answer.endswith("/é %C3%BC  ".encode())


def test_a_header_that_follows_a_cut_line_is_never_changed() -> None:
    head = b"GET /x HTTP/1.1\r\nX: caf\xc3\xa9\r\nConnection: close\r\n\r\n"
    line = head.index(b"\r\n")
    assert with_ascii_line(head[line:], is_new=False) == head[line:]
    assert asyncio.run(repeated([head[:line], head[line:]])).endswith(b"/x  caf\xc3\xa9 ")
