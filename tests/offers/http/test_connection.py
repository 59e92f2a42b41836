"""Who asks for leave to send a body gets it in its turn, and only in a version that knows the question."""

import asyncio
from typing import Any

import pytest

from tests.offers.exchanges import get
from tests.offers.http.serving import Client, repeat, served

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ASKING = get(b"", b"Expect: 100-continue", b"Content-Length: 4", method=b"POST", path=b"/asking")
PAGE = get(path=b"/page")


@pytest.mark.parametrize("before", [1, 2, 40])
def test_leave_comes_behind_the_answers_to_requests_before_it(before: int) -> None:
    async def script(client: Client) -> bytes:
        client.send(PAGE * before + ASKING)
        answers = await client.reader.readuntil(CONTINUE)
        assert answers.count(b"HTTP/1.1 200 ") == before
        client.send(b"body")
        client.writer.write_eof()
        return await client.everything()

    answer = served(repeat, script)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"/asking" in answer
    assert b"body" in answer


def test_leave_waits_for_an_answer_that_takes_its_time() -> None:
    released = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/page":
            await released.wait()
        await repeat(scope, receive, send)

    async def script(client: Client) -> bytes:
        client.send(PAGE)
        client.send(ASKING)
        while not client.protocols[0]._awaits_leave:
            await asyncio.sleep(0.001)
        early = client.reader.read(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(early, 0.05)
        released.set()
        await client.reader.readuntil(CONTINUE)
        client.send(b"body")
        client.writer.write_eof()
        return await client.everything()

    assert b"/asking" in served(application, script)


def test_who_sends_the_body_unasked_behind_another_request_is_answered() -> None:
    async def script(client: Client) -> bytes:
        client.send(PAGE + ASKING)
        client.send(b"body" + PAGE)
        client.writer.write_eof()
        return await client.everything()

    assert served(repeat, script).count(b"HTTP/1.1 200 ") == 3


def test_a_client_of_http_1_0_gets_no_interim_answer() -> None:
    """RFC 9110, 10.1.1 and 15.2: it would take that for the answer."""

    async def script(client: Client) -> bytes:
        client.send(ASKING.replace(b"HTTP/1.1", b"HTTP/1.0"))
        while client.protocols[0]._awaits_leave is None:
            await asyncio.sleep(0.001)
        client.send(b"body")
        return await client.everything()

    assert served(repeat, script).startswith(b"HTTP/1.1 200 ")


def test_http_1_0_behind_http_1_1_is_the_last_request() -> None:
    async def script(client: Client) -> bytes:
        client.send(PAGE + PAGE.replace(b"HTTP/1.1", b"HTTP/1.0"))
        return await client.everything()

    assert served(repeat, script).count(b"HTTP/1.1 200 ") == 2
