"""A sync that something comes between: a lost answer, a slow S3, another sync."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from recipes.file.download import CannotReachS3, local_path
from recipes.records.kinds import RecipeKind
from recipes.store import keys, lock
from recipes.store.lock import LockLost
from recipes.store.store import RecipeStore
from recipes.sync.sync import SyncReport, SyncRequest, sync
from tests.recipe import offer_blob
from tests.recipes.bad_s3 import BadS3

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[BadS3]:
    with BadS3() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        server.body = recipe(2)
        yield server


def recipe(count: int) -> bytes:
    return gzip.compress(b"[" + b",".join(offer_blob(number + 1) for number in range(count)) + b"]")


def sync_offers(store: RecipeStore, **options: Any) -> SyncReport:
    return sync(SyncRequest(kind=OFFERS, **options), store)


def test_a_recipe_stays_live_whose_swap_was_not_answered(
    s3: BadS3, store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = store._swap

    def unanswered(**arguments: Any) -> None:
        swap(**arguments)
        raise redis.ConnectionError("the answer is lost")

    monkeypatch.setattr(store, "_swap", unanswered)
    with pytest.raises(redis.ConnectionError):
        sync_offers(store)
    assert (store.live_count(OFFERS), store.meta(OFFERS).count) == (2, 2)


def test_a_live_recipe_without_its_records_is_loaded_again(
    s3: BadS3, store: RecipeStore, redis_client: redis.Redis
) -> None:
    generation = sync_offers(store).generation
    redis_client.delete(keys.generation(OFFERS, generation))
    assert (sync_offers(store).outcome, store.live_count(OFFERS)) == ("done", 2)


def test_an_s3_that_takes_longer_than_the_lock_lasts_is_waited_for(
    s3: BadS3, store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "LOCK_SECONDS", 1.0)
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.2)
    s3.trouble = "late"
    assert sync_offers(store).outcome == "done"


def test_a_sync_that_has_lost_its_lock_makes_nothing_live(
    s3: BadS3, store: RecipeStore, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = store.begin

    def overtaken(kind: RecipeKind) -> Any:
        # Another sync has it, as after a pause that was longer than the lock lasts.
        redis_client.set(keys.lock(OFFERS, "running"), "another's")
        return begin(kind)

    monkeypatch.setattr(store, "begin", overtaken)
    with pytest.raises(LockLost):
        sync_offers(store)
    assert (store.meta(OFFERS).generation, local_path(OFFERS).exists()) == (0, False)


@pytest.mark.parametrize("header", ["ETag", "Last-Modified", "Content-Length"])
def test_what_answers_in_place_of_s3_is_named(s3: BadS3, store: RecipeStore, header: str) -> None:
    s3.trouble = header
    with pytest.raises(CannotReachS3, match="is not S3") as problem:
        sync_offers(store)
    assert "AWS_ENDPOINT_URL" in str(problem.value)
    meta, outcome = store.meta(OFFERS), store.s3_outcome()
    assert outcome
    assert meta.last_error == outcome.error == str(problem.value)


def test_an_s3_that_nobody_asked_is_not_noted(s3: BadS3, store: RecipeStore) -> None:
    def away(_: RecipeKind) -> None:
        raise redis.ConnectionError("Redis is away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "meta", away)
        with pytest.raises(redis.ConnectionError):
            sync_offers(store)
    assert store.s3_outcome() is None
