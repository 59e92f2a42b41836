"""`updRecipe` messages: read, completed from the live record, validated like a file's, and applied.

Redis decides, in one step with the write, whether an update is newer than what is live
(`recipes/store/update.lua`): a load may go live between a check here and the write.
"""

import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
import redis
from django.conf import settings

from lib.json_nesting import TOO_DEEP, is_too_deep
from recipes.records.fields import id_of, without_lone_surrogates
from recipes.records.kinds import RecipeKind
from recipes.records.records import PARSERS, Campaign, Offer, RecordRejected
from recipes.store.journal import MAX_AHEAD_MS, MOST_TRIES, Clocks, Write
from recipes.store.record_json import RecordJson
from recipes.store.store import RecipeStore
from recipes.store.types import WriteOutcome

KINDS = {"offer": RecipeKind.OFFERS, "campaign": RecipeKind.CAMPAIGNS}
WRITE_ACTIONS = frozenset({"updateOrCreate", "insert", "update"})
DELETE_ACTION = "delete"
MAX_BODY_BYTES = 1_000_000
# A sender's clock may be wrong by hours; a time further away than this is in other units.
LATEST_AHEAD_MS = 24 * 3600 * 1000
EARLIEST_MS = 1_000_000_000_000


class UpdateOutcome(StrEnum):
    """The outcome of an update.

    "kept": nothing is live yet, so the update waits in the journal for the first load. "kept unreadable": the
    live record stays, because a restriction of the new one cannot be read.
    """

    APPLIED = "applied"
    KEPT = "kept"
    KEPT_UNREADABLE = "kept unreadable"
    STALE = "stale"
    REPEATED = "repeated"
    EMPTY = "without a record"
    REJECTED = "rejected record"
    MALFORMED = "malformed"


class Update(msgspec.Struct, frozen=True):
    """A valid update; `record` None deletes the record.

    `timestamp_ms` is by the sender's clock, or by ours if the sender's is too far ahead (by `ahead_ms`).
    """

    kind: RecipeKind
    record_id: int
    timestamp_ms: int
    record: RecordJson | None
    ahead_ms: int = 0


class UpdateResult(msgspec.Struct, frozen=True):
    """The outcome, with details in words; `version` is the recipe's new version, 0 if nothing changed.

    `ahead_ms` is 0, or how far ahead of ours the sender's clock was if that is too far to be believed.
    """

    outcome: UpdateOutcome
    detail: str
    version: int = 0
    ahead_ms: int = 0


class UnusableUpdate(ValueError):
    """A message that changes nothing; `outcome` says why."""

    def __init__(self, outcome: UpdateOutcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome


def apply(store: RecipeStore, message: object) -> UpdateResult:
    """Apply one message to the live generation and journal it. Raises redis-py's errors alone."""
    return apply_all(store, [message])[0]


def apply_all(store: RecipeStore, messages: Sequence[object]) -> list[UpdateResult]:
    """Apply messages in order, in two round trips, and return their results. Raises redis-py's errors alone.

    After an error any number of them may have been applied; applying all of them again does no harm.
    """
    results: dict[int, UpdateResult] = {}
    waiting: dict[int, Update] = {}
    now_ms = time.time_ns() // 1_000_000
    for at, message in enumerate(messages):
        try:
            waiting[at] = read_update(message, now_ms)
        except UnusableUpdate as error:
            results[at] = UpdateResult(error.outcome, str(error))
    clocks = Clocks(
        now_ms=now_ms,
        overlap_ms=int(settings.RECIPE_UPDATE_OVERLAP_SECONDS * 1000),
        grace_ms=int(settings.RECIPE_DELETE_GRACE_SECONDS * 1000),
    )
    for _ in range(MOST_TRIES):
        if not waiting:
            return [results[at] for at in range(len(messages))]
        _try(store, waiting, results, clocks)
    raise redis.WatchError("the records of updates are written by others all the time")


def read_update(message: object, now_ms: int) -> Update:
    """Read the update in a message; `now_ms` is our clock. Raises `UnusableUpdate`."""
    if not isinstance(message, dict):
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"not an object but {type(message).__name__}")
    kind = KINDS.get(message["type"]) if isinstance(message.get("type"), str) else None
    if kind is None:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"unknown type {_shown(message.get('type'))}")
    record_id = id_of(message.get("id"))
    if record_id is None:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"unusable id {_shown(message.get('id'))}")
    timestamp_ms = id_of(message.get("timestamp"))
    if timestamp_ms is None or not EARLIEST_MS <= timestamp_ms <= now_ms + LATEST_AHEAD_MS:
        shown = _shown(message.get("timestamp"))
        raise UnusableUpdate(
            UpdateOutcome.MALFORMED, f"unusable timestamp {shown}, milliseconds are expected"
        )
    ahead_ms = timestamp_ms - now_ms
    if ahead_ms > MAX_AHEAD_MS:
        # With its own time stamp it would make every correct update look old until that time has come.
        timestamp_ms = now_ms
    else:
        ahead_ms = 0
    action = message.get("action")
    if action == DELETE_ACTION:
        return Update(kind, record_id, timestamp_ms, None, ahead_ms)
    if not isinstance(action, str) or action not in WRITE_ACTIONS:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"unknown action {_shown(action)}")
    record = _record(kind, record_id, message.get("body"))
    return Update(kind, record_id, timestamp_ms, record, ahead_ms)


def _try(
    store: RecipeStore, waiting: dict[int, Update], results: dict[int, UpdateResult], clocks: Clocks
) -> None:
    """Apply the waiting updates; one whose live record another writer has just changed goes on waiting."""
    live = _live_records(store, waiting.values())
    writes: dict[int, Write] = {}
    for at, update in list(waiting.items()):
        key = update.kind, update.record_id
        try:
            record = _checked(update, live[key])
        except UnusableUpdate as error:
            results[at] = UpdateResult(error.outcome, str(error))
            del waiting[at]
            continue
        writes[at] = Write(update.kind, update.record_id, update.timestamp_ms, record, live[key])
        # The next update of the same record is completed from this one. If this one turns out to be stale,
        # the next one is tried once more.
        live[key] = record
    for at, written in zip(writes, store.write_updates(list(writes.values()), clocks), strict=True):
        if written.outcome is not WriteOutcome.CHANGED:
            update = waiting.pop(at)
            results[at] = _result(update, UpdateOutcome(written.outcome.value), written.version)


def _live_records(
    store: RecipeStore, updates: Sequence[Update] | Any
) -> dict[tuple[RecipeKind, int], RecordJson | None]:
    live: dict[tuple[RecipeKind, int], RecordJson | None] = {}
    for kind in RecipeKind:
        ids = sorted({update.record_id for update in updates if update.kind is kind})
        for record_id, blob in zip(ids, store.get_many(kind, ids), strict=True):
            live[kind, record_id] = None if blob is None else RecordJson(blob)
    return live


def _checked(update: Update, live: RecordJson | None) -> RecordJson | None:
    """Return the record to write, completed from the live one; None deletes. Raises `UnusableUpdate`."""
    if update.record is None:
        return None
    record = update.record if live is None else update.record.completed(live)
    named = f"{update.kind} {update.record_id}"
    parsed = _parsed(update.kind, record, named)
    # What closes altogether goes live, whatever else of it cannot be read: what is live would let clicks in.
    is_doubtful = parsed.unreadable and not parsed.takes_no_click
    if is_doubtful and live is not None and _is_readable(update.kind, live, named):
        what = ", ".join(sorted(parsed.unreadable))
        raise UnusableUpdate(UpdateOutcome.KEPT_UNREADABLE, f"{named}: its {what} cannot be read")
    return record


def _parsed(kind: RecipeKind, record: RecordJson, named: str) -> Offer | Campaign:
    try:
        return PARSERS[kind](record.values)
    except RecordRejected as error:
        raise UnusableUpdate(UpdateOutcome.REJECTED, f"{named}: {error.reason}") from None
    except (msgspec.DecodeError, ArithmeticError, RecursionError) as error:
        raise UnusableUpdate(UpdateOutcome.REJECTED, f"{named}: {error}") from None


def _is_readable(kind: RecipeKind, live: RecordJson, named: str) -> bool:
    """Return whether all restrictions of the live record can be read; if not, any update may replace it."""
    try:
        return not _parsed(kind, live, named).unreadable
    except UnusableUpdate:
        return False


def _record(kind: RecipeKind, record_id: int, body: object) -> RecordJson:
    """Return the record in a body, which must be the one that the message names. Raises `UnusableUpdate`."""
    if not isinstance(body, str):
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body is not text but {type(body).__name__}")
    # Only an escape or a non-ASCII character can be half of a surrogate pair: most bodies have neither.
    whole = body if "\\u" not in body and body.isascii() else without_lone_surrogates(body)
    encoded = whole.encode("utf-8", "replace")
    if len(encoded) > MAX_BODY_BYTES:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body has {len(encoded):,} bytes")
    try:
        raw = msgspec.json.decode(encoded) if encoded.strip() else None
        is_deep = is_too_deep(whole, raw)
    except msgspec.DecodeError as error:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body is not JSON: {error}") from None
    except RecursionError:
        is_deep = True
    if is_deep:
        raise UnusableUpdate(UpdateOutcome.REJECTED, f"{kind} {record_id}: {TOO_DEEP}")
    if not raw or (isinstance(raw, dict) and raw.get(kind.id_field) is None):
        # co-recipe sends this after an error of its own, and for a parent offer that is gone.
        raise UnusableUpdate(UpdateOutcome.EMPTY, f"{kind} {record_id}: the body holds no record")
    if not isinstance(raw, dict):
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body is not an object but {type(raw).__name__}")
    if id_of(raw[kind.id_field]) != record_id:
        shown = _shown(raw[kind.id_field])
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"{kind} {record_id}: the body is of {shown}")
    record = RecordJson(encoded)
    record.values = raw
    return record


def _result(update: Update, outcome: UpdateOutcome, version: int) -> UpdateResult:
    detail = f"{update.kind} {update.record_id} at {update.timestamp_ms}"
    if update.ahead_ms:
        detail += f", our clock, for the sender's is {update.ahead_ms / 1000:,.0f} s ahead"
    return UpdateResult(outcome, detail, version, update.ahead_ms)


def _shown(value: object) -> str:
    return repr(value)[:80]
