"""A remembered decision is the one that would be made anew, whatever else has changed meanwhile."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offers.decision_cache import DecisionCache
from tests.differential.engine import Engine
from tests.differential.parts import Click
from tests.differential.recipes import random_change, random_click, random_recipe

CLICKS = 60


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.integers(1, 50))
def test_remembered_and_fresh_decisions_are_the_same_while_records_change(seed: int, limit: int) -> None:
    random = Random(seed)
    recipe = random_recipe(random)
    remembering, fresh = Engine(recipe, DecisionCache(limit)), Engine(recipe)
    # Two links only, so that decisions are remembered at all.
    links = [random_click(random)[:2] for _ in range(2)]
    for _ in range(CLICKS):
        click = Click(*random.choice(links), *random_click(random)[2:])
        assert remembering.answer(click) == fresh.answer(click)
        if random.random() < 0.15:
            random_change(random, recipe)
