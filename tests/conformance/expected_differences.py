"""Where our answer differs from the older implementation's, and why ours is the one that DOMAIN wants."""

from typing import Any, NamedTuple


class Difference(NamedTuple):
    """Why we answer otherwise, and what we answer, field by field."""

    reason: str
    answers: dict[str, Any]


DIFFERENCES: dict[str, Difference] = {}
