"""Requests that are no clicks: the application gets each of them whole, and our limits hold around it."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.offers.exchanges import get
from tests.offers.http.serving import Client, served

PAGE = get(path=b"/page")
LARGE_BODY = b"b" * 200_000


async def respond(send: Any, body: bytes, status: int = 200) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def repeat(scope: Any, receive: Any, send: Any) -> None:
    """Answers with method, path, headers and body."""
    message = await receive()
    assert not message["more_body"]
    lines = [scope["method"].encode(), scope["path"].encode()]
    lines += [b"%b: %b" % header for header in scope["headers"]]
    await respond(send, b"\n".join((*lines, message["body"])))


async def ignore(_: Any, __: Any, send: Any) -> None:
    """Answers without asking for the body."""
    await respond(send, b"ignored")


async def fail(_: Any, __: Any, ___: Any) -> None:
    raise RuntimeError("a fault of the application")


def waiting(started: asyncio.Event, released: asyncio.Event) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """An application that answers when it is released."""

    async def application(_: Any, __: Any, send: Any) -> None:
        started.set()
        await released.wait()
        await respond(send, b"late")

    return application


def answers_to(*requests: bytes) -> Callable[[Client], Awaitable[bytes]]:
    async def script(client: Client) -> bytes:
        for request in requests:
            client.send(request)
        client.writer.write_eof()
        return await client.everything()

    return script


def test_a_body_in_chunks_arrives_whole_and_without_what_was_around_it() -> None:
    head = get(b"", b"Transfer-Encoding: chunked", b"X-A: 1", method=b"POST", path=b"/page")
    answer = served(repeat, answers_to(head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-B: 2\r\n\r\n"))
    assert answer.endswith(b"POST\n/page\nhost: a.example\nx-a: 1\ncontent-length: 5\nabcde")
    assert b"x-b" not in answer


def test_requests_that_were_sent_ahead_are_answered_in_their_order() -> None:
    requests = [get(path=b"/%d" % number) for number in range(50)]
    answer = served(repeat, answers_to(b"".join(requests)))
    places = [answer.index(b"\n/%d\n" % number) for number in range(50)]
    assert places == sorted(places)
    assert answer.count(b"HTTP/1.1 200 ") == 50


def test_a_body_that_nobody_asks_for_does_not_stop_the_connection() -> None:
    async def script(client: Client) -> bytes:
        for _ in range(2):
            length = b"Content-Length: %d" % len(LARGE_BODY)
            client.send(get(b"", length, method=b"POST", path=b"/page") + LARGE_BODY)
            assert (await client.head()).startswith(b"HTTP/1.1 200 ")
            assert await client.reader.readexactly(7) == b"ignored"
        return b""

    served(ignore, script)


def test_who_asks_for_leave_to_send_a_body_gets_it() -> None:
    async def script(client: Client) -> bytes:
        headers = b"Expect: 100-continue", b"Content-Length: 4"
        client.send(get(b"", *headers, method=b"POST", path=b"/page"))
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"bo")
        client.send(b"dy")
        client.writer.write_eof()
        return await client.everything()

    answer = served(repeat, script)
    assert answer.endswith(b"content-length: 4\nbody")
    assert b"expect" not in answer


def test_who_announces_too_much_gets_no_leave_to_send_it() -> None:
    headers = b"Expect: 100-continue", b"Content-Length: 99999999"
    answer = served(repeat, answers_to(get(b"", *headers, method=b"POST", path=b"/page")))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_fault_of_the_application_is_answered_and_ends_the_connection() -> None:
    answer = served(fail, answers_to(PAGE + PAGE))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("target", [b"a.example:443", b"a", b"*a"])
def test_a_target_without_a_path_is_a_bad_request(target: bytes) -> None:
    answer = served(repeat, answers_to(get(method=b"OPTIONS", path=target) + PAGE))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("by", ["client", "server"])
def test_an_answer_under_way_is_finished_where_the_connection_is_to_end(by: str) -> None:
    started, released = asyncio.Event(), asyncio.Event()

    async def script(client: Client) -> bytes:
        client.send(PAGE)
        await started.wait()
        if by == "client":
            client.writer.write_eof()
            while not client.protocols[0]._is_over:
                await asyncio.sleep(0.001)
        else:
            client.protocols[0].shutdown()
        released.set()
        return await client.everything()

    answer = served(waiting(started, released), script)
    assert answer.endswith(b"\r\n\r\nlate")
    assert b"connection: close" in answer


def test_an_idle_connection_ends_with_its_server() -> None:
    async def script(client: Client) -> bytes:
        client.send(PAGE)
        await client.head()
        client.protocols[0].shutdown()
        await client.everything()
        while client.state.connections:
            await asyncio.sleep(0.001)
        return b"closed"

    assert served(ignore, script) == b"closed"


def test_a_client_that_leaves_is_told_to_the_application() -> None:
    told = asyncio.Event()

    async def listen(_: Any, receive: Any, __: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        told.set()

    async def script(client: Client) -> bytes:
        client.send(PAGE)
        while not client.state.tasks:
            await asyncio.sleep(0.001)
        # A reset: with a mere end of its input it would wait for its answer.
        peer = client.writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
        await told.wait()
        return b"told"

    assert served(listen, script) == b"told"


async def stream(scope: Any, _: Any, send: Any) -> None:
    """Answers in two pieces and does not say how long they are together."""
    await send({"type": "http.response.start", "status": 200})
    for body, more in ((scope["path"].encode(), True), (b"|end", False)):
        await send({"type": "http.response.body", "body": body, "more_body": more})


OLD_PAGE = PAGE.replace(b"HTTP/1.1", b"HTTP/1.0")


def test_an_answer_without_a_length_comes_in_chunks() -> None:
    answer = served(stream, answers_to(PAGE))
    assert b"transfer-encoding: chunked" in answer
    assert answer.endswith(b"5\r\n/page\r\n4\r\n|end\r\n0\r\n\r\n")


def test_an_answer_without_a_length_to_http_1_0_ends_with_the_connection() -> None:
    """RFC 9112, 6.1: no chunks for a client that may not know them."""
    answer = served(stream, answers_to(OLD_PAGE))
    assert answer.endswith(b"connection: close\r\n\r\n/page|end")
    assert b"transfer-encoding" not in answer


def test_an_answer_with_a_length_to_http_1_0_keeps_it() -> None:
    answer = served(ignore, answers_to(OLD_PAGE))
    assert b"content-length: 7\r\n" in answer
    assert answer.endswith(b"\r\n\r\nignored")


def test_each_of_two_versions_on_a_connection_is_answered_in_its_own_way() -> None:
    answer = served(stream, answers_to(PAGE + OLD_PAGE))
    assert b"0\r\n\r\nHTTP/1.1 200 OK" in answer
    assert answer.endswith(b"connection: close\r\n\r\n/page|end")


def test_the_limit_of_connections_is_uvicorns() -> None:
    assert served(repeat, answers_to(get(b"ad=1")), limit_concurrency=1).startswith(b"HTTP/1.1 503 ")


def test_every_answer_counts_towards_the_limit_of_requests() -> None:
    async def script(client: Client) -> bytes:
        client.send(PAGE * 3)
        client.writer.write_eof()
        await client.everything()
        return b"%d" % client.state.total_requests

    assert served(ignore, script) == b"3"
