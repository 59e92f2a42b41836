"""How much room a waiting message takes: no part of it is free."""

from typing import Any

import pytest

from recipes.corecipe.message_size import characters

USUAL = {"type": "offer", "id": 1, "action": "update", "timestamp": 1, "body": "{}"}


@pytest.mark.parametrize(
    "long",
    [
        {"body": "x" * 1_000_000},
        {"comments": "x" * 1_000_000},
        {"type": "x" * 1_000_000},
        {"project": {"a": [{"b": "x" * 1_000_000}]}},
        {"project": b"x" * 1_000_000},
        {"x" * 1_000_000: ""},
        {"project": [[]] * 20_000},
        {"id": [1] * 20_000},
        {"id": 2**8_000_000},
    ],
    ids=lambda long: next(iter(long))[:10],
)
def test_whatever_is_long_counts(long: dict[str, Any]) -> None:
    assert characters(USUAL) < 1000
    assert characters({**USUAL, **long}) >= 1_000_000


def test_it_may_be_nested_as_deeply_as_anything() -> None:
    message: list[Any] = []
    for _ in range(100_000):
        message = [message]
    assert characters(message) > 100_000
