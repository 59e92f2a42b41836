"""A worker's catalog while Redis is away, and afterwards: known links are answered, nothing old is kept."""

import asyncio
from pathlib import Path

import pytest
import redis
import redis.asyncio

from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.bootstrap import open_redis
from offers.catalog import catalog as catalog_module
from offers.catalog.catalog import Catalog, RedisAway
from recipes.records.kinds import RecipeKind
from recipes.store.reader import RecipeReader
from recipes.store.store import RecipeStore
from tests.offers.watching import name_of, named, until, watched_catalog
from tests.recipe import change_record, make_live, offer_blob

SECOND = 1.0


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    """Offers 1 and 2 are live."""
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, name="one"), 2: offer_blob(2, name="two")})
    return store


def test_while_redis_is_away_memory_serves_and_afterwards_nothing_is_taken_for_true(
    redis_url: str, store: RecipeStore, valkey: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Time enough to change a record unheard.
    monkeypatch.setattr(catalog_module, "RECONNECT_SECONDS", 1.5)

    async def scenario() -> None:
        async with watched_catalog(redis_url) as catalog:
            remembered = await catalog.offer(1)
            valkey.kill()
            try:
                await asyncio.sleep(SECOND)
                assert await catalog.offer(1) is remembered
                with pytest.raises(RedisAway):
                    await catalog.offer(2)
            finally:
                await asyncio.to_thread(valkey.start)
            generation = store.meta(RecipeKind.OFFERS).generation
            store.redis.hset(f"recipe:offers:{generation}", "1", offer_blob(1, name="unheard of"))
            await until(lambda: named(catalog, "unheard of"))

    asyncio.run(scenario())


def test_a_record_in_doubt_is_better_than_none_while_redis_is_away(
    redis_url: str, store: RecipeStore, valkey: Service
) -> None:
    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            catalog = Catalog(RecipeReader(client), 100)
            remembered = await catalog.offer(1)
            valkey.kill()
            try:
                catalog.mark_stale()
                assert await catalog.offer(1) is remembered
                with pytest.raises(RedisAway):
                    await catalog.offer(2)
            finally:
                await asyncio.to_thread(valkey.start)

    asyncio.run(scenario())


def test_a_redis_that_still_reads_its_data_makes_nobody_forget(tmp_path: Path) -> None:
    port = free_port()
    # Microseconds for each key, with a look at its clients after every thousand.
    command = [*valkey_command(port, tmp_path), "--key-load-delay", "100"]
    with Service("slow", command, port) as slow, redis.Redis(LOCALHOST, port) as client:
        make_live(RecipeStore(client), RecipeKind.OFFERS, {1: offer_blob(1, name="one")})
        with client.pipeline(transaction=False) as pipe:
            for number in range(20_000):
                pipe.set(f"key {number}", "")
            pipe.execute()

        async def scenario() -> None:
            async with watched_catalog(f"redis://{LOCALHOST}:{port}/0") as catalog:
                remembered = await catalog.offer(1)
                slow.kill()
                await asyncio.to_thread(slow.start)
                assert not valkey_answers(port)
                while not await asyncio.to_thread(valkey_answers, port):
                    assert await catalog.offer(1) is remembered
                change_record(RecipeStore(client), RecipeKind.OFFERS, 1, offer_blob(1, name="changed"))
                await until(lambda: named(catalog, "changed"))

        asyncio.run(scenario())


def test_connections_that_died_with_redis_fail_no_click(
    redis_url: str, store: RecipeStore, valkey: Service
) -> None:
    async def scenario() -> None:
        async with open_redis() as client:
            catalog = Catalog(RecipeReader(client), 100)
            await asyncio.gather(catalog.offer(1), catalog.offer(2), catalog.offer(3))
            valkey.kill()
            await asyncio.to_thread(valkey.start)
            catalog.mark_stale()
            assert [await name_of(catalog, offer_id) for offer_id in (1, 2)] == ["one", "two"]

    asyncio.run(scenario())
