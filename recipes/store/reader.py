"""What a web worker reads of the recipe: single records, and what has changed."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec
import redis
import redis.asyncio

from recipes.records.kinds import RecipeKind
from recipes.store import keys
from recipes.store.scripts import READ
from recipes.store.types import Change, LiveRead, RecipeMeta, decoded_meta

SUBSCRIBE_SECONDS = 2.0
LISTEN_SECONDS = 1.0

_change_decoder = msgspec.json.Decoder(Change)


class RecipeReader:
    """What a web worker reads; all errors are those of redis-py.

    A reply that does not fit the question is one of them, `redis.InvalidResponse`: something on the way to
    Redis mixes replies up, so the connections that may hold more of them are closed.
    """

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._redis = client
        self._read = client.register_script(READ)

    async def read(self, wanted: Iterable[tuple[RecipeKind, int]]) -> dict[RecipeKind, LiveRead]:
        """Up to some thousand records of the live generations, in one round trip."""
        ids: dict[RecipeKind, list[int]] = {}
        for kind, record_id in wanted:
            ids.setdefault(kind, []).append(record_id)
        names, arguments = [keys.VERSION], list[str | int]()
        for kind, found in ids.items():
            names.append(keys.live(kind))
            arguments += (keys.prefix(kind), len(found), *found)
        reply = await self._read(keys=names, args=arguments)
        async with self._fitting():
            version, *blobs = reply
            return {
                kind: LiveRead(int(version), context, _records(of, len(context)))
                for (kind, context), of in zip(ids.items(), blobs, strict=True)
            }

    async def version(self) -> int:
        """The version of what is live now; 0 in an empty Redis."""
        reply = await self._redis.get(keys.VERSION)
        async with self._fitting():
            return int(reply or 0)

    async def metas(self) -> dict[RecipeKind, RecipeMeta]:
        """What is known of both kinds, in one round trip; `generation` is 0 where nothing is live."""
        names = [key for kind in RecipeKind for key in (keys.live(kind), keys.meta(kind))]
        found = await self._redis.mget(names)
        async with self._fitting():
            return {kind: decoded_meta(*found[2 * at : 2 * at + 2]) for at, kind in enumerate(RecipeKind)}

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change]]:
        """Every change from the moment on which this is entered: then records can be read, too."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(keys.CHANGES_CHANNEL)
            confirmed = await subscription.get_message(timeout=SUBSCRIBE_SECONDS)
            if confirmed is None:
                raise redis.TimeoutError("no answer to SUBSCRIBE")
            # A Redis that is still reading its data takes subscriptions, and refuses all else.
            await self.version()
            yield _changes(subscription)

    @asynccontextmanager
    async def _fitting(self) -> AsyncIterator[None]:
        """Raise `redis.InvalidResponse` for whatever the reply inside does not fit."""
        try:
            yield
        except (ValueError, TypeError, LookupError, redis.InvalidResponse) as error:
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise redis.InvalidResponse(f"a reply of Redis does not fit: {error}") from error


def _records(reply: object, count: int) -> list[bytes | None] | None:
    """The records in a reply, None where nothing is live. Raises `ValueError` for one of another shape."""
    if reply is None:
        return None
    if not isinstance(reply, list) or len(reply) != count:
        raise ValueError(f"{count} records were asked for")
    if not all(blob is None or isinstance(blob, bytes) for blob in reply):
        raise ValueError("what is no record came for one")
    return reply


async def _changes(subscription: "redis.asyncio.client.PubSub") -> AsyncIterator[Change]:
    while True:
        # Asked with a time-out, because the connection's own would take silence for a failure.
        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
        if message is None:
            continue
        try:
            yield _change_decoder.decode(message["data"])
        except msgspec.DecodeError:
            # Whatever it was, the version check finds what we do not understand.
            continue
