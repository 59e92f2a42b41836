"""Refusals are not told apart by their time; and the comparison would notice if they were."""

import json
import random

import pytest
import redis

from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.bench.bad_links import CAMPAIGNS, KEYS, OFFERS, makers
from tests.bench.timing_classes import auc, rows, sample
from tests.recipe import make_live
from tests.servers import web_worker

ROUNDS = 60


def noise(chance: random.Random, middle: float) -> list[int]:
    return [int(chance.gauss(middle, 20)) for _ in range(400)]


def test_a_class_that_takes_longer_is_told_apart() -> None:
    chance = random.Random(1)
    taken = {"a": noise(chance, 1000), "b": noise(chance, 1000), "slow": noise(chance, 1020)}
    assert {row.name for row in rows(taken) if row.is_told_apart} >= {"slow"}


def test_classes_that_take_the_same_time_are_not() -> None:
    chance = random.Random(1)
    assert not any(row.is_told_apart for row in rows({name: noise(chance, 1000) for name in "abcdef"}))


def test_the_comparison_counts_pairs() -> None:
    assert auc([3, 4], [1, 2]) == 1
    assert auc([1, 2], [3, 4]) == 0
    assert auc([1, 2], [1, 2]) == 0.5
    assert auc([2], [1, 2, 3, 3]) == 0.375


@pytest.mark.usefixtures("geoip_databases")
def test_no_class_of_bad_links_is_told_apart_by_its_time(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store = RecipeStore(client)
        make_live(store, RecipeKind.OFFERS, {o["offerId"]: json.dumps(o).encode() for o in OFFERS})
        make_live(store, RecipeKind.CAMPAIGNS, {c["campaignId"]: json.dumps(c).encode() for c in CAMPAIGNS})
    with web_worker(AD_TOKEN_KEYS=KEYS, DEFAULT_CAMPAIGN_ID="0") as url:
        taken = sample(url, makers(), ROUNDS, seed=1)
    assert {row.name: row for row in rows(taken) if row.is_told_apart} == {}
