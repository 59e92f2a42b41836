"""Measures how deeply JSON is nested. Real records have fewer than ten levels; JSON inside text counts apart.

Decoders, encoders and `repr` raise `RecursionError` at a depth that depends on their callers' own, so a
record that one process can read would break another. The limit here is far below that, and the same for all.
"""

import re
from collections.abc import Iterable

MAX_LEVELS = 100
TOO_DEEP = "nested too deeply"

# Possessive, so that a long text takes no memory to go back into.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{\]}"]', re.DOTALL)


def is_too_deep(text: str, value: object) -> bool:
    """Return whether `value`, decoded from `text`, has more than `MAX_LEVELS` of lists and objects."""
    # Few records have more brackets than this in all, and counting them costs little beside the decoding.
    if text.count("[") + text.count("{") <= MAX_LEVELS:
        return False
    level = _lists_and_objects([value])
    for _ in range(MAX_LEVELS):
        if not level:
            return False
        level = [
            inner
            for found in level
            for inner in _lists_and_objects(found.values() if isinstance(found, dict) else found)
        ]
    return bool(level)


def end_of_value(text: str, at: int) -> int | None:
    """Return where the list or object that begins at `at` ends, however deep it is; None if it does not end.

    Only brackets and quotes are looked at.
    """
    depth = 0
    for token in _TOKENS.finditer(text, at):
        sign = token[0]
        if sign in "[{":
            depth += 1
        elif sign in "]}":
            depth -= 1
            if depth == 0:
                return token.end()
        elif sign == '"':
            # A text that does not end.
            return None
    return None


def _lists_and_objects(values: Iterable[object]) -> list[dict[str, object] | list[object]]:
    # By exact type, which is all that decoders make, and three times as fast as `isinstance`.
    return [value for value in values if type(value) is dict or type(value) is list]
