"""A remembered decision is the one that would be made anew, whatever else has changed meanwhile."""

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from offers import decision_cache, rules
from offers.decision_cache import DecisionCache
from offers.rules.common.rule import NOTHING, Rule
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


def differences(seed: int) -> int:
    """How many of some hundred clicks are answered otherwise from memory than anew."""
    random = Random(seed)
    recipe = random_recipe(random)
    remembering, fresh = Engine(recipe, DecisionCache(50)), Engine(recipe)
    links = [random_click(random)[:2] for _ in range(2)]
    clicks = [Click(*random.choice(links), *random_click(random)[2:]) for _ in range(CLICKS)]
    return sum(remembering.answer(click) != fresh.answer(click) for click in clicks)


# An aggregated offer's clicks are exits, and exits are never remembered; the default rule depends on nothing.
MATTERS = [rule for rule in rules.RULES if rule not in (rules.AGGREGATED, rules.DEFAULT)]


@pytest.mark.parametrize("rule", MATTERS, ids=lambda rule: rule.name)
def test_a_rule_that_leaves_out_what_it_depends_on_is_found(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful: dict[str, Any] = {"varies_by": lambda *_: NOTHING}
    cut = tuple(replace(each, **forgetful) if each is rule else each for each in rules.RULES)
    monkeypatch.setattr(decision_cache, "RULES", cut)
    assert any(differences(seed) for seed in range(3000))
