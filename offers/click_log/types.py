"""The values of the click log, for delivery and for staff."""

from typing import NamedTuple

import msgspec

from lib.outcome import Outcome


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
    """How many clicks of this instance are where. Ages in seconds; None if there is nothing."""

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


class ArchiveStatus(msgspec.Struct):
    """How far the archive is: `backlog` entries wait for it, the oldest for `oldest_age_seconds`.

    `unreadable` entries were no clicks. `dropped` ones were delivered, but not archived in time, because
    Redis had no memory left. `write` and `upload` say how the last ones went; None if there was none yet.
    """

    backlog: int = 0
    oldest_age_seconds: float | None = None
    archived: int = 0
    unreadable: int = 0
    dropped: int = 0
    write: Outcome | None = None
    upload: Outcome | None = None
