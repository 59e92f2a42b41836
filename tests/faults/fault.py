"""What a fault is, how long it lasts, and how a system that does not come through it says so."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tests.faults.system import System
from tests.processes import DEADLINE_SECONDS


class Scale(NamedTuple):
    """How long things last, or may take (seconds), and how many clicks wait in the long backlog."""

    before: float
    after: float
    redis_away: float
    redis_full: float
    disk_full: float
    dynamodb_fails: float
    dynamodb_away: float
    backlog: int
    drain: float
    heal: float


LONG = Scale(
    before=3,
    after=5,
    redis_away=5,
    redis_full=20,
    disk_full=5,
    dynamodb_fails=10,
    dynamodb_away=60,
    backlog=1_000_000,
    drain=900,
    heal=60,
)


SHORT = Scale(
    before=1.5,
    after=2,
    redis_away=2,
    redis_full=3,
    disk_full=3,
    dynamodb_fails=3,
    dynamodb_away=6,
    backlog=20_000,
    drain=DEADLINE_SECONDS,
    heal=DEADLINE_SECONDS,
)


class Broken(Exception):
    """The system did not come through a fault as it should have; the message says how."""


class Fault(NamedTuple):
    """One fault. `inject` causes it and returns when it is over; raises Broken.

    `prepare` happens before the load begins, and gives the lids of clicks that count as answered. `loses`: it
    may lose clicks, which have to be counted exactly. `drains`: the web process ends in good order, so that
    whatever it wrote down has to be answered, too. `refuses`: it answers clicks with 503. `disk_bytes`: log
    and spool are on one disk of that size, which only root can mount. `variables` are for all programs.
    """

    name: str
    title: str
    inject: Callable[[System, Scale], None]
    prepare: Callable[[System, Scale], set[str]] | None = None
    loses: bool = False
    drains: bool = False
    refuses: bool = False
    disk_bytes: int = 0
    variables: Mapping[str, str] = {}
