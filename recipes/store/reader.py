"""Reads the live recipe for web workers: single records, and notices of changes."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import msgspec
import redis
import redis.asyncio

from lib.cancellation import is_cancelled
from recipes.records.kinds import RecipeKind
from recipes.store import keys
from recipes.store.scripts import READ
from recipes.store.types import Change, LiveRead, RecipeMeta, decoded_meta

SUBSCRIBE_SECONDS = 2.0
LISTEN_SECONDS = 1.0

_change_decoder = msgspec.json.Decoder(Change)


class RecipeReader:
    """Reads the recipe of this instance's Redis; all errors are those of redis-py.

    A reply that does not fit its request raises `redis.InvalidResponse`. Something between us and Redis mixes
    replies up then, so connections that may hold more of them are closed.
    """

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._redis = client
        self._read = client.register_script(READ)

    async def read(self, wanted: Iterable[tuple[RecipeKind, int]]) -> dict[RecipeKind, LiveRead]:
        """Return records of the live generations, up to some thousand, in one round trip."""
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
                kind: LiveRead(int(version), record_ids, _records(of, len(record_ids)))
                for (kind, record_ids), of in zip(ids.items(), blobs, strict=True)
            }

    async def version(self) -> int:
        """Return the version of the live recipe; 0 in an empty Redis."""
        reply = await self._redis.get(keys.VERSION)
        async with self._fitting():
            return int(reply or 0)

    async def metas(self) -> dict[RecipeKind, RecipeMeta]:
        """Return the metadata of both kinds, in one round trip; `generation` is 0 if nothing is live."""
        names = [key for kind in RecipeKind for key in (keys.live(kind), keys.meta(kind))]
        found = await self._redis.mget(names)
        async with self._fitting():
            return {kind: decoded_meta(*found[2 * at : 2 * at + 2]) for at, kind in enumerate(RecipeKind)}

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change]]:
        """Subscribe to changes. Once entered, no change is missed, and records can be read."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(keys.CHANGES_CHANNEL)
            confirmed = await subscription.get_message(timeout=SUBSCRIBE_SECONDS)
            if confirmed is None:
                raise redis.TimeoutError("no answer to SUBSCRIBE")
            # A Redis that is still loading its data accepts subscriptions, but no other command.
            await self.version()
            yield _changes(subscription)

    @asynccontextmanager
    async def _fitting(self) -> AsyncIterator[None]:
        """Turn the errors of reading a reply that does not fit into `redis.InvalidResponse`."""
        try:
            yield
        except (ValueError, TypeError, LookupError, redis.InvalidResponse) as error:
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise redis.InvalidResponse(f"a reply of Redis does not fit: {error}") from error


def _records(reply: object, count: int) -> list[bytes | None] | None:
    """Return the records in a reply, None if nothing is live. Raises `ValueError` for any other reply."""
    if reply is None:
        return None
    if not isinstance(reply, list) or len(reply) != count:
        raise ValueError(f"{count} records were requested")
    if not all(blob is None or isinstance(blob, bytes) for blob in reply):
        raise ValueError("a value is not a record")
    return reply


async def _changes(subscription: "redis.asyncio.client.PubSub") -> AsyncIterator[Change]:
    while not is_cancelled():
        # With a time-out of its own: the connection's would treat silence as a failure.
        message = await subscription.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
        if message is None:
            continue
        try:
            yield _change_decoder.decode(message["data"])
        except msgspec.DecodeError:
            # A change behind a message that we do not understand is found by the version check.
            continue
