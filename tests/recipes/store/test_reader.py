"""What a worker makes of replies of Redis that do not fit: an error like any other of Redis, and no more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
import redis.asyncio

from recipes.records.kinds import RecipeKind
from recipes.store.reader import RecipeReader

REPLIES = {
    "an empty list": b"*0\r\n",
    "a list that is too short": b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n",
    "records that are no records": b"*2\r\n:1\r\n*2\r\n:1\r\n:2\r\n",
    "a number": b":7\r\n",
    "a word": b"+OK\r\n",
    "text": b"$5\r\nhello\r\n",
    "a list of lists": b"*2\r\n*0\r\n*0\r\n",
}
ASKED = [(RecipeKind.OFFERS, 1), (RecipeKind.OFFERS, 2)]


@asynccontextmanager
async def reader(reply: bytes) -> AsyncIterator[RecipeReader]:
    """A reader of a server that answers everything by `reply`."""

    async def answer(incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter) -> None:
        try:
            while await incoming.read(65_536):
                outgoing.write(reply)
                await outgoing.drain()
        finally:
            # When the loop ends, too: the end of the connection may not be read by then.
            outgoing.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = redis.asyncio.Redis(port=port, protocol=2, driver_info=None)
    try:
        yield RecipeReader(client)
    finally:
        server.close()
        await server.wait_closed()
        await client.aclose()


ASK: dict[str, Callable[[RecipeReader], Awaitable[Any]]] = {
    "records": lambda found: found.read(ASKED),
    "version": lambda found: found.version(),
    "metadata": lambda found: found.metas(),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_a_reply_that_does_not_fit_is_an_error_of_redis(
    reply: bytes, ask: Callable[[RecipeReader], Awaitable[Any]]
) -> None:
    async def use() -> object:
        async with reader(reply) as found:
            return await ask(found)

    try:
        answer = asyncio.run(use())
    except redis.RedisError:
        return
    # A number may be a version, and no records those of a recipe that is not there.
    assert isinstance(answer, int)
