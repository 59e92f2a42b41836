"""Generations in a real Redis: what is live is never deleted, whatever comes between two steps."""

from typing import Any

import pytest
import redis

from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta, SwapRefused
from tests.recipe import make_live, offer_blob

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    return RecipeStore(redis_client)


def test_a_generation_that_never_went_live_is_discarded(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    assert writer.discard()
    assert writer.count() == 0


def test_a_generation_that_went_live_is_not_discarded(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    store.swap(writer, RecipeMeta(count=1))
    assert not writer.discard()
    assert store.live_count(OFFERS) == 1


def test_a_load_that_began_earlier_does_not_replace_a_later_one(store: RecipeStore) -> None:
    early, late = store.begin(OFFERS), store.begin(OFFERS)
    for writer in (early, late):
        writer.add({writer.generation: offer_blob(writer.generation)})
    store.swap(late, RecipeMeta(count=1))
    with pytest.raises(SwapRefused, match="younger"):
        store.swap(early, RecipeMeta(count=1))
    assert store.get(OFFERS, late.generation)


def test_what_a_killed_load_has_left_is_forgotten_and_what_is_live_stays(
    store: RecipeStore, redis_client: redis.Redis
) -> None:
    killed = store.begin(OFFERS)
    # Between its first records and their expiry.
    redis_client.hset(killed.key, "1", offer_blob(1))
    make_live(store, OFFERS, {1: offer_blob(1)})
    assert store.forget_old_generations() == 1
    assert (killed.count(), store.live_count(OFFERS)) == (0, 1)


def test_a_generation_that_goes_live_while_old_ones_are_forgotten_stays(
    store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1), 2: offer_blob(2)})
    forget = store._forget

    def late(**arguments: Any) -> object:
        if arguments["args"][0] == writer.generation:
            store.swap(writer, RecipeMeta(count=2))
        return forget(**arguments)

    monkeypatch.setattr(store, "_forget", late)
    assert store.forget_old_generations() == 0
    assert store.live_count(OFFERS) == 2
