"""The outcomes of a batch of clicks, and a worker's counts of them."""

from collections.abc import Collection
from enum import Enum
from typing import NamedTuple

import msgspec


class Fate(Enum):
    """What a worker does with a click after its commit: answer it, refuse it, or decide it again.

    It is decided again, and not written, if others have taken the last place under a cap in the meantime.
    """

    ANSWER = "answer"
    REFUSE = "refuse"
    DECIDE_AGAIN = "decide again"


class Committed(NamedTuple):
    """The outcome of a batch; its clicks at the places `again` are decided again."""

    may_answer: bool
    again: Collection[int] = ()


class CommitCounts(msgspec.Struct):
    """This worker's commits since it started, in clicks.

    `batches` counts batches, `vanished` spool files that somebody else has deleted. `lost` clicks were
    answered but not written, `unanswered` ones were neither written nor answered. `assumed` counts visitors
    that were taken for unique because the shared Redis was away. `decided_again` clicks had no room left
    under a cap when they came to be written.
    """

    batches: int = 0
    logged: int = 0
    spooled: int = 0
    replayed: int = 0
    lost: int = 0
    unanswered: int = 0
    vanished: int = 0
    assumed: int = 0
    decided_again: int = 0
