"""Moves dead letters back a step at a time, so that neither clicks nor staff wait for all of them."""

from collections.abc import Callable, Iterator

STEP = 500


def in_steps(move: Callable[[int], int], count: int) -> Iterator[int]:
    """Call `move` until it has moved `count` dead letters or finds none; yield how many each call moved.

    Dead letters that arrive meanwhile stay.
    """
    left = count
    while left > 0 and (moved := move(min(STEP, left))):
        left -= moved
        yield moved
