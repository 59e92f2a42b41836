"""Counts this instance's syncs by kind and outcome, no matter which process ran them."""

from contextlib import suppress
from enum import StrEnum

from redis import Redis
from redis.exceptions import RedisError

from lib.redis_replies import bytes_dict
from recipes.file.download import CannotReachS3
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store import keys
from recipes.store.types import SwapRefused
from recipes.sync.hold import HeldBack


class SyncOutcome(StrEnum):
    """How a sync ended; after the first two outcomes the live recipe is the newest one."""

    DONE = "done"
    UNCHANGED = "unchanged"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    HELD_BACK = "held_back"
    REFUSED = "refused"
    DISK = "disk"


def outcome_of(problem: CannotReachS3 | RecipeRejected | SwapRefused | OSError) -> SyncOutcome:
    """Return the outcome of a sync that raised `problem`."""
    match problem:
        case CannotReachS3():
            return SyncOutcome.UNREACHABLE
        case HeldBack():
            return SyncOutcome.HELD_BACK
        case RecipeRejected():
            return SyncOutcome.REJECTED
        case SwapRefused():
            return SyncOutcome.REFUSED
        case _:
            return SyncOutcome.DISK


def count_sync(redis: Redis, kind: RecipeKind, outcome: SyncOutcome) -> None:
    """Count a sync. Raises nothing: a lost count must not fail a sync."""
    with suppress(RedisError, OSError):
        redis.hincrby(keys.syncs(kind), outcome, 1)


def sync_counts(redis: Redis, kind: RecipeKind) -> dict[SyncOutcome, int]:
    """Return the number of syncs of a kind by outcome. Raises `RedisError`."""
    found = bytes_dict(redis.hgetall(keys.syncs(kind)))
    return {outcome: int(found.get(outcome.value.encode(), 0)) for outcome in SyncOutcome}
