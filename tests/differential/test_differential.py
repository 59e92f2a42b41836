"""The engine and the plain reading answer every click alike."""

from collections import Counter

import pytest

from tests.devstack.test_demo import REDIRECT_TYPES
from tests.differential.comparison import compare

RECIPES, CLICKS, AT_ONCE = 400, 30, 50


@pytest.mark.parametrize("first_seed", range(0, RECIPES, AT_ONCE))
def test_the_engine_answers_as_the_plain_reading_does(first_seed: int) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(first_seed, first_seed + AT_ONCE):
        assert compare(seed, CLICKS, kinds) is None


def test_the_random_clicks_come_to_every_redirect_type() -> None:
    kinds: Counter[str] = Counter()
    for seed in range(100):
        compare(seed, CLICKS, kinds)
    assert kinds.keys() >= REDIRECT_TYPES | {"refused"}
