"""What the click log holds, as delivery and staff see it."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One click in the log; `id` begins with the milliseconds since the epoch at which it was written."""

    id: str
    click: bytes
    unique: str


class DeadLetter(NamedTuple):
    """One click that DynamoDB will never take as it is, and why."""

    id: str
    click: bytes
    unique: str
    error: str


class LogStatus(NamedTuple):
    """Where the clicks of this instance are. Ages in seconds; None where there is nothing."""

    length: int
    backlog: int
    oldest_age_seconds: float | None
    delivered_per_second: float
    delivered: int
    dead_letters: int
    conversions_due: int
    conversions_waiting: int
    conversions_dead: int
    spooled: int
    lost: int
    dead_dropped: int
    dead_conversions_dropped: int
