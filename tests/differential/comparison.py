"""Sends random clicks to the engine and to the plain reading, and finds where they differ."""

from collections import Counter
from random import Random
from typing import NamedTuple

from tests.differential.engine import Engine
from tests.differential.parts import Click
from tests.differential.plain import Answer, Reading
from tests.differential.recipes import random_change, random_click, random_recipe

CLICKS_BETWEEN_CHANGES = 10


class Difference(NamedTuple):
    """One click that the two answer differently; the seed makes the same recipe again."""

    seed: int
    number: int
    click: Click
    engine: Answer | None
    plain: Answer | None


def compare(seed: int, clicks: int, kinds: Counter[str]) -> Difference | None:
    """The first difference over one random recipe, None where there is none; counts redirect types."""
    random = Random(seed)
    recipe = random_recipe(random)
    engine, reading = Engine(recipe), Reading(recipe)
    for number in range(clicks):
        click = random_click(random)
        ours, theirs = engine.answer(click), reading.answer(click)
        if ours != theirs:
            return Difference(seed, number, click, ours, theirs)
        kinds[ours.redirect_type if ours else "refused"] += 1
        if number % CLICKS_BETWEEN_CHANGES == CLICKS_BETWEEN_CHANGES - 1:
            random_change(random, recipe)
    return None
