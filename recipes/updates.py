"""One `updRecipe` message: read, validated like a record of a recipe file, and handed to the store.

It is the store that decides, in one step with the write, whether the update is news: see DOMAIN, section 8.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec
from django.conf import settings

from offers.records import RecordRejected, id_of, parse_campaign, parse_offer
from recipes.store import RecipeKind, RecipeStore

KINDS = {"offer": RecipeKind.OFFERS, "campaign": RecipeKind.CAMPAIGNS}
WRITE_ACTIONS = frozenset({"updateOrCreate", "insert", "update"})
DELETE_ACTION = "delete"
MAX_BODY_BYTES = 1_000_000
# A clock may be wrong by minutes; a time in other units would make every later update look stale.
MAX_AHEAD_MS = 24 * 3600 * 1000
EARLIEST_MS = 1_000_000_000_000

_PARSE: dict[RecipeKind, Callable[[dict[str, Any]], object]] = {
    RecipeKind.OFFERS: parse_offer,
    RecipeKind.CAMPAIGNS: parse_campaign,
}


class UpdateOutcome(StrEnum):
    """What became of an update; "kept" is kept for the first load, for nothing is live."""

    APPLIED = "applied"
    KEPT = "kept"
    STALE = "stale"
    REPEATED = "repeated"
    EMPTY = "without a record"
    REJECTED = "rejected record"
    MALFORMED = "malformed"


class Update(msgspec.Struct, frozen=True):
    """A valid update; `record` is the record's JSON, None deletes. `timestamp_ms` is the sender's clock."""

    kind: RecipeKind
    record_id: int
    timestamp_ms: int
    record: bytes | None


class UpdateResult(msgspec.Struct, frozen=True):
    """The outcome in a word, and what it was in words; `version` is the recipe's afterwards, 0 unchanged."""

    outcome: UpdateOutcome
    detail: str
    version: int = 0


class UnusableUpdate(ValueError):
    """A message that changes nothing; `outcome` says of which sort it is."""

    def __init__(self, outcome: UpdateOutcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome


def apply(store: RecipeStore, message: object) -> UpdateResult:
    """Apply one message to the live generation and journal it; whatever it is, only Redis can raise."""
    try:
        update = read_update(message, now_ms=time.time_ns() // 1_000_000)
    except UnusableUpdate as problem:
        return UpdateResult(problem.outcome, str(problem))
    overlap_ms = int(settings.RECIPE_UPDATE_OVERLAP_SECONDS * 1000)
    written = store.apply_update(
        update.kind, update.record_id, update.timestamp_ms, update.record, overlap_ms
    )
    detail = f"{update.kind} {update.record_id} at {update.timestamp_ms}"
    return UpdateResult(UpdateOutcome(written.outcome), detail, written.version)


def read_update(message: object, now_ms: int) -> Update:
    """The update in a message, `now_ms` being our clock. Raises `UnusableUpdate`."""
    if not isinstance(message, dict):
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"not an object but {type(message).__name__}")
    kind = KINDS.get(message["type"]) if isinstance(message.get("type"), str) else None
    if kind is None:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"unknown type {_shown(message.get('type'))}")
    record_id = id_of(message.get("id"))
    if record_id is None:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"unusable id {_shown(message.get('id'))}")
    timestamp_ms = id_of(message.get("timestamp"))
    if timestamp_ms is None or not EARLIEST_MS <= timestamp_ms <= now_ms + MAX_AHEAD_MS:
        shown = _shown(message.get("timestamp"))
        raise UnusableUpdate(
            UpdateOutcome.MALFORMED, f"unusable timestamp {shown}, milliseconds are expected"
        )
    action = message.get("action")
    if action == DELETE_ACTION:
        return Update(kind, record_id, timestamp_ms, None)
    if not isinstance(action, str) or action not in WRITE_ACTIONS:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"unknown action {_shown(action)}")
    return Update(kind, record_id, timestamp_ms, _record(kind, record_id, message.get("body")))


def _record(kind: RecipeKind, record_id: int, body: object) -> bytes:
    """The JSON of a record that is what the message says it is."""
    if not isinstance(body, str):
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body is not text but {type(body).__name__}")
    if body.strip() in ("", "[]"):
        # What co-recipe sends after an error of its own.
        raise UnusableUpdate(UpdateOutcome.EMPTY, f"{kind} {record_id}: the body holds no record")
    encoded = body.encode("utf-8", "replace")
    if len(encoded) > MAX_BODY_BYTES:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body has {len(encoded):,} bytes")
    try:
        raw = msgspec.json.decode(encoded, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as problem:
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"the body is not a JSON object: {problem}") from None
    if id_of(raw.get(kind.id_field)) != record_id:
        shown = _shown(raw.get(kind.id_field))
        raise UnusableUpdate(UpdateOutcome.MALFORMED, f"{kind} {record_id}: the body is of {shown}")
    try:
        _PARSE[kind](raw)
    except RecordRejected as problem:
        raise UnusableUpdate(UpdateOutcome.REJECTED, f"{kind} {record_id}: {problem.reason}") from None
    return encoded


def _shown(value: object) -> str:
    return repr(value)[:80]
