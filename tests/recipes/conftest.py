"""Fixtures of clicks, shared with the tests of offers."""

from tests.offers.conftest import demo_places, demo_recipe, dynamodb, explained, log, other_redis

__all__ = ["demo_places", "demo_recipe", "dynamodb", "explained", "log", "other_redis"]
