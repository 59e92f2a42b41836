"""The state of the listener, which it publishes for staff and operators. Times are in ms since the epoch."""

import msgspec


class HostState(msgspec.Struct):
    """The connection to one co-recipe; None means never, or not now."""

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
    """The listener as a whole; `updates` counts updates by outcome, `malformed` unreadable events.

    `ahead` counts updates that got our time because their sender's clock was too far ahead.
    """

    pid: int
    started_ms: int
    hosts: list[HostState]
    updates: dict[str, int]
    malformed: int
    syncs: dict[str, SyncState]
    ahead: int = 0
