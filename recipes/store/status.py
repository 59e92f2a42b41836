"""What the listener reports of itself, for the page and for operators. Times are in ms since the epoch."""

import msgspec


class HostState(msgspec.Struct):
    """One co-recipe; None is never or not now."""

    url: str
    connected_since_ms: int | None = None
    last_check_ms: int | None = None
    last_answer_ms: int | None = None
    last_answer: str | None = None
    last_error: str | None = None


class SyncState(msgspec.Struct):
    """The syncs of one kind that the listener started; `failures` counts those in a row."""

    running_since_ms: int | None = None
    last_ended_ms: int | None = None
    failures: int = 0
    last_error: str | None = None
    next_try_ms: int | None = None


class ListenerState(msgspec.Struct):
    """The listener as a whole; `updates` counts them by outcome, `malformed` events of no use.

    `ahead` counts updates whose sender's clock was too far ahead of ours, so that ours counted.
    """

    pid: int
    started_ms: int
    hosts: list[HostState]
    updates: dict[str, int]
    malformed: int
    syncs: dict[str, SyncState]
    ahead: int = 0
