"""Holds in Redis: a review and a decision beside each other, and the end of the one that was read."""

import time

import pytest
import redis

from recipes.records.kinds import RecipeKind
from recipes.store.holds import RecipeHolds
from recipes.store.types import Hold

OFFERS = RecipeKind.OFFERS
NOW_MS = time.time_ns() // 1_000_000
REVIEW = Hold("bob", NOW_MS, until_ms=NOW_MS + 24 * 3600 * 1000)
LEFT = Hold("alice", NOW_MS, etag='"e1"')


@pytest.fixture
def holds(redis_client: redis.Redis) -> RecipeHolds:
    return RecipeHolds(redis_client)


def test_without_any_nothing_waits(holds: RecipeHolds) -> None:
    assert (holds.of(OFFERS), holds.of(OFFERS).first) == ((None, None), None)


def test_a_review_and_a_decision_stand_beside_each_other(holds: RecipeHolds) -> None:
    holds.put(OFFERS, LEFT)
    holds.put(OFFERS, REVIEW)
    assert holds.of(OFFERS) == (REVIEW, LEFT)


def test_the_review_is_named_first_for_it_stops_every_file(holds: RecipeHolds) -> None:
    holds.put(OFFERS, LEFT)
    assert holds.of(OFFERS).first == LEFT
    holds.put(OFFERS, REVIEW)
    assert holds.of(OFFERS).first == REVIEW


def test_each_kind_has_its_own(holds: RecipeHolds) -> None:
    holds.put(OFFERS, REVIEW)
    assert holds.of(RecipeKind.CAMPAIGNS) == (None, None)


@pytest.mark.parametrize(("ended", "stays"), [(REVIEW, (None, LEFT)), (LEFT, (REVIEW, None))])
def test_the_end_of_one_leaves_the_other(
    holds: RecipeHolds, ended: Hold, stays: tuple[Hold | None, Hold | None]
) -> None:
    holds.put(OFFERS, LEFT)
    holds.put(OFFERS, REVIEW)
    holds.end(OFFERS, ended)
    assert holds.of(OFFERS) == stays


def test_one_that_has_taken_the_place_of_the_one_that_was_read_stays(holds: RecipeHolds) -> None:
    later = Hold("carol", NOW_MS + 1, etag='"e2"')
    holds.put(OFFERS, LEFT)
    holds.put(OFFERS, later)
    holds.end(OFFERS, LEFT)
    assert holds.of(OFFERS).left == later


def test_a_review_ends_by_itself(holds: RecipeHolds) -> None:
    holds.put(OFFERS, Hold("bob", 0, until_ms=1))
    assert holds.of(OFFERS).review is None
