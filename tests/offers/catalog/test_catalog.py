"""A worker's catalog over a real Redis: what it remembers, and how it learns that something changed."""

import asyncio
import json
from contextlib import suppress

import pytest
import redis
import redis.asyncio

from offers.catalog import catalog as catalog_module
from offers.catalog.catalog import REVALIDATE_RECORDS, VERSION_CHECK_SECONDS, Catalog, NothingLoaded
from offers.catalog.record_cache import CacheMiss
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer
from recipes.store.reader import RecipeReader
from recipes.store.store import RecipeStore
from tests.offers.watching import is_version, name_of, named, until, watched_catalog
from tests.processes import DEADLINE_SECONDS
from tests.recipe import change_record, make_live, offer_blob

SECOND = 1.0


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    """Offers 1 and 2 are live."""
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, name="one"), 2: offer_blob(2, name="two")})
    return store


def test_an_update_is_seen_at_once_and_drops_only_its_record(
    redis_url: str, store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with watched_catalog(redis_url) as catalog:
            # One more check may come, which is one too few: the message alone can tell.
            monkeypatch.setattr(catalog_module, "VERSION_CHECK_SECONDS", 60)
            untouched = await catalog.offer(2)
            assert await name_of(catalog, 1) == "one"
            change_record(store, RecipeKind.OFFERS, 1, offer_blob(1, name="changed"))
            await until(lambda: named(catalog, "changed"))
            assert await catalog.offer(2) is untouched

    asyncio.run(scenario())


def test_after_a_swap_what_changed_is_new_and_what_is_gone_is_gone(
    redis_url: str, store: RecipeStore
) -> None:
    async def scenario() -> None:
        async with watched_catalog(redis_url) as catalog:
            assert [await name_of(catalog, offer_id) for offer_id in (1, 2)] == ["one", "two"]
            make_live(store, RecipeKind.OFFERS, {2: offer_blob(2, name="new two")})
            await until(lambda: named(catalog, "new two", 2))
            assert await catalog.offer(1) is None

    asyncio.run(scenario())


def test_after_a_swap_what_did_not_change_stays_as_it_is(redis_url: str, store: RecipeStore) -> None:
    async def scenario() -> None:
        async with watched_catalog(redis_url) as catalog:
            remembered = await catalog.offer(1)
            make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, name="one"), 2: offer_blob(2, name="new")})
            await until(lambda: named(catalog, "new", 2))
            assert await catalog.offer(1) is remembered

    asyncio.run(scenario())


def test_a_record_that_was_read_twice_at_once_is_one(redis_url: str, store: RecipeStore) -> None:
    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            catalog = Catalog(RecipeReader(client), 100)
            first = asyncio.create_task(catalog.offer(1))
            # One read has begun, the other follows.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            second = asyncio.create_task(catalog.offer(1))
            assert await first is await second

    asyncio.run(scenario())


def test_after_a_swap_records_are_in_memory_again_before_anybody_asks(
    redis_url: str, redis_client: redis.Redis
) -> None:
    store, ids = RecipeStore(redis_client), range(1, 3 * REVALIDATE_RECORDS)
    make_live(store, RecipeKind.OFFERS, {number: offer_blob(number) for number in ids})

    async def scenario() -> None:
        async with watched_catalog(redis_url, max_records=1000) as catalog:
            await asyncio.gather(*map(catalog.offer, ids))
            changed = {number: offer_blob(number, name="changed") for number in ids}
            version = make_live(store, RecipeKind.OFFERS, changed)
            await until(lambda: _is_at(catalog, version))

            async def all_are_new() -> bool:
                with suppress(CacheMiss):
                    return all(_name(catalog.memory.offer(number)) == "changed" for number in ids)
                return False

            await until(all_are_new)

    asyncio.run(scenario())


async def _is_at(catalog: Catalog, version: int) -> bool:
    return catalog.version >= version


def _name(offer: Offer | None) -> str | None:
    return offer.name if offer else None


def test_what_is_wanted_in_the_same_moment_is_read_together(
    redis_url: str, store: RecipeStore, redis_client: redis.Redis
) -> None:
    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            catalog = Catalog(RecipeReader(client), 100)
            make_live(store, RecipeKind.CAMPAIGNS, {1: json.dumps({"campaignId": 1}).encode()})
            await catalog.offer(1)
            redis_client.config_resetstat()
            found = await asyncio.gather(catalog.offer(2), catalog.campaign(1), catalog.offer(3))
            assert [type(record) for record in found] == [Offer, Campaign, type(None)]
            assert redis_client.info("commandstats")["cmdstat_evalsha"]["calls"] == 1

    asyncio.run(scenario())


def test_a_lost_message_is_noticed_within_a_second(
    redis_url: str, store: RecipeStore, redis_client: redis.Redis
) -> None:
    async def scenario() -> None:
        async with watched_catalog(redis_url) as catalog:
            assert await name_of(catalog, 1) == "one"
            generation = store.meta(RecipeKind.OFFERS).generation
            redis_client.hset(f"recipe:offers:{generation}", "1", offer_blob(1, name="unheard of"))
            redis_client.incr("recipe:version")
            await until(lambda: named(catalog, "unheard of"))

    # Seen at one check, missed at the next.
    assert 2 * VERSION_CHECK_SECONDS < SECOND

    asyncio.run(scenario())


def test_a_change_that_overtakes_a_version_check_is_no_sign_of_another_redis(
    redis_url: str, store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_module, "VERSION_CHECK_SECONDS", 0.01)

    class Late(RecipeReader):
        """Its answers come late."""

        async def version(self) -> int:
            version = await super().version()
            await asyncio.sleep(0.1)
            return version

    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            catalog = Catalog(Late(client), 100)
            doubts = 0

            def mark_stale() -> None:
                nonlocal doubts
                doubts += 1

            watching = asyncio.create_task(catalog.watch())
            await until(lambda: is_version(catalog))
            monkeypatch.setattr(catalog, "mark_stale", mark_stale)
            for number in range(50):
                change_record(store, RecipeKind.OFFERS, 1, offer_blob(1, name=f"{number}"))
                await asyncio.sleep(0.01)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            assert doubts == 0

    asyncio.run(scenario())


def test_an_unknown_record_is_found_once_it_is_created(redis_url: str, store: RecipeStore) -> None:
    async def scenario() -> None:
        async with watched_catalog(redis_url) as catalog:
            assert await catalog.offer(3) is None
            change_record(store, RecipeKind.OFFERS, 3, offer_blob(3, name="three"))
            await until(lambda: named(catalog, "three", 3))

    asyncio.run(scenario())


def test_memory_is_bounded(redis_url: str, store: RecipeStore) -> None:
    async def scenario() -> None:
        async with watched_catalog(redis_url, max_records=1) as catalog:
            first = await catalog.offer(1)
            assert await name_of(catalog, 2) == "two"
            assert await catalog.offer(1) is not first

    asyncio.run(scenario())


def test_nothing_loaded_is_told_from_no_such_record(redis_url: str, redis_client: redis.Redis) -> None:
    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            with pytest.raises(NothingLoaded, match="no offers are loaded"):
                await Catalog(RecipeReader(client), 100).offer(1)

    redis_client.flushall()
    asyncio.run(scenario())


def test_a_live_record_that_cannot_be_used_is_no_record(redis_url: str, store: RecipeStore) -> None:
    async def scenario() -> None:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            catalog = Catalog(RecipeReader(client), 100)
            assert [await catalog.offer(offer_id) for offer_id in unusable] == [None, None, None]

    unusable = {4: b"not JSON", 5: json.dumps({"offerId": 5}).encode(), 6: b'{"offerId":' * 10_000}
    make_live(store, RecipeKind.OFFERS, unusable)
    asyncio.run(scenario())


def test_it_stops_watching_at_whatever_moment_it_is_cancelled(redis_url: str, store: RecipeStore) -> None:
    # Python 3.11 swallows the cancellation at every fifth moment or so: while redis-py sends a command.
    async def cancel_after(rounds: int) -> None:
        async with redis.asyncio.Redis.from_url(redis_url, socket_timeout=2) as client:
            watching = asyncio.create_task(Catalog(RecipeReader(client), 100).watch())
            for _ in range(rounds):
                await asyncio.sleep(0)
            watching.cancel()
            await asyncio.wait([watching])

    async def scenario() -> set["asyncio.Task[None]"]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(*map(cancel_after, range(100)))
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(scenario()) == set()
