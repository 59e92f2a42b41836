"""Single updates: what is read of a message, and that no file, repetition or order ever undoes one."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from lib.json_nesting import MAX_LEVELS
from recipes.corecipe.updates import UnusableUpdate, UpdateOutcome, apply, read_update
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from tests.recipe import deep_blob, make_live, offer_blob

NOW_MS = time.time_ns() // 1_000_000
MINUTE_MS = 60_000
OFFERS = RecipeKind.OFFERS
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


def message(**fields: Any) -> dict[str, Any]:
    """A message that changes offer 1, as co-recipe sends it."""
    name = fields.pop("name", "changed")
    body = offer_blob(1, name=name).decode()
    usual = {"comments": "", "type": "offer", "id": 1, "action": "updateOrCreate", "project": "test"}
    return {**usual, "timestamp": NOW_MS, "body": body, **fields}


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    """Offer 1 is live."""
    store = RecipeStore(redis_client)
    make_live(store, OFFERS, {1: offer_blob(1, name="from the file")})
    return store


def live_name(store: RecipeStore) -> str | None:
    blob = store.get(OFFERS, 1)
    return None if blob is None else json.loads(blob)["name"]


@pytest.mark.parametrize("action", ["updateOrCreate", "insert", "update"])
def test_every_spelling_of_the_create_action_writes_the_record(store: RecipeStore, action: str) -> None:
    assert apply(store, message(action=action)).outcome is UpdateOutcome.APPLIED
    assert live_name(store) == "changed"


def test_a_new_record_is_created(store: RecipeStore) -> None:
    apply(store, message(id=9, body=offer_blob(9).decode()))
    assert store.get(OFFERS, 9) == offer_blob(9)


def test_a_delete_takes_the_record_away(store: RecipeStore) -> None:
    assert apply(store, message(action="delete", body="")).outcome is UpdateOutcome.APPLIED
    assert store.get(OFFERS, 1) is None


def test_an_update_raises_the_version(store: RecipeStore) -> None:
    first, second = apply(store, message()), apply(store, message(timestamp=NOW_MS + 1, name="again"))
    assert second.version == first.version + 1


def test_a_repeated_update_changes_nothing(store: RecipeStore) -> None:
    apply(store, message())
    assert apply(store, message()).outcome is UpdateOutcome.REPEATED


def test_an_older_update_that_arrives_late_is_stale(store: RecipeStore) -> None:
    apply(store, message(name="newer"))
    late = apply(store, message(name="older", timestamp=NOW_MS - 1))
    assert (late.outcome, live_name(store)) == (UpdateOutcome.STALE, "newer")


def test_an_older_create_does_not_bring_a_deleted_record_back(store: RecipeStore) -> None:
    apply(store, message(action="delete"))
    apply(store, message(timestamp=NOW_MS - 1))
    assert store.get(OFFERS, 1) is None


def test_an_update_that_the_file_must_hold_already_is_stale(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1, name="from a newer file")})
    store.swap(writer, RecipeMeta(count=1, last_modified_ms=NOW_MS), overlap_ms=5 * MINUTE_MS)
    assert apply(store, message(timestamp=NOW_MS - 6 * MINUTE_MS)).outcome is UpdateOutcome.STALE
    assert apply(store, message(timestamp=NOW_MS - 4 * MINUTE_MS)).outcome is UpdateOutcome.APPLIED


def test_a_load_replays_updates_newer_than_its_file_less_the_overlap(store: RecipeStore) -> None:
    apply(store, message(timestamp=NOW_MS - 4 * MINUTE_MS))
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1, name="from the file"), 2: offer_blob(2)})
    store.swap(writer, RecipeMeta(count=2, last_modified_ms=NOW_MS), overlap_ms=5 * MINUTE_MS)
    assert live_name(store) == "changed"


def test_a_load_does_not_replay_updates_that_its_file_holds(store: RecipeStore) -> None:
    apply(store, message(timestamp=NOW_MS - 6 * MINUTE_MS))
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1, name="from a newer file")})
    store.swap(writer, RecipeMeta(count=1, last_modified_ms=NOW_MS), overlap_ms=5 * MINUTE_MS)
    assert live_name(store) == "from a newer file"


def test_an_update_during_a_load_is_neither_lost_nor_undone(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1, name="from the file")})
    apply(store, message())
    assert live_name(store) == "changed"
    store.swap(writer, RecipeMeta(count=1, last_modified_ms=NOW_MS - MINUTE_MS))
    assert live_name(store) == "changed"


def test_a_delete_during_a_load_stays_deleted(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1), 2: offer_blob(2)})
    apply(store, message(action="delete"))
    store.swap(writer, RecipeMeta(count=2, last_modified_ms=NOW_MS))
    assert (store.get(OFFERS, 1), store.live_count(OFFERS)) == (None, 1)


def test_an_update_before_the_first_load_is_kept_for_it(redis_client: redis.Redis) -> None:
    store = RecipeStore(redis_client)
    assert apply(store, message()).outcome is UpdateOutcome.KEPT
    make_live(store, OFFERS, {1: offer_blob(1, name="from the file")})
    assert live_name(store) == "changed"


def test_updates_that_any_file_holds_are_forgotten_in_the_end(
    store: RecipeStore, redis_client: redis.Redis
) -> None:
    apply(store, message())
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    store.swap(writer, RecipeMeta(count=1, last_modified_ms=NOW_MS + 2 * 24 * 60 * MINUTE_MS))
    assert redis_client.hlen("recipe:offers:journal") == 0


@pytest.mark.parametrize("body", ["", "[]", " "])
def test_a_message_without_a_record_is_passed_over(store: RecipeStore, body: str) -> None:
    assert apply(store, message(body=body)).outcome is UpdateOutcome.EMPTY
    assert live_name(store) == "from the file"


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "affiliate"},
        {"type": ["offer"]},
        {"id": "x"},
        {"id": 0},
        {"action": "destroy"},
        {"action": None},
        {"timestamp": None},
        {"timestamp": 1_700_000_000},
        {"timestamp": (NOW_MS + 48 * 60 * MINUTE_MS)},
        {"body": "{"},
        {"body": "[1]"},
        {"body": None},
        {"body": offer_blob(2).decode()},
        {"body": offer_blob(1, filler="x" * 2_000_000).decode()},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_malformed_message_changes_nothing(store: RecipeStore, wrong: dict[str, Any]) -> None:
    assert apply(store, message(**wrong)).outcome is UpdateOutcome.MALFORMED
    assert live_name(store) == "from the file"


def test_a_record_that_cannot_be_used_leaves_the_one_there_is(store: RecipeStore) -> None:
    result = apply(store, message(body=json.dumps({"offerId": 1, "status": "?", "type": "regular"})))
    assert (result.outcome, live_name(store)) == (UpdateOutcome.REJECTED, "from the file")
    assert "no usable status" in result.detail


@pytest.mark.parametrize("levels", [MAX_LEVELS + 1, 990, 100_000])
def test_a_record_that_is_nested_too_deeply_is_rejected(store: RecipeStore, levels: int) -> None:
    deep = message(body=deep_blob(1, levels).decode())
    # The listener applies updates in a thread, where a decoder can go deeper than elsewhere.
    with ThreadPoolExecutor() as pool:
        result = pool.submit(apply, store, deep).result()
    assert (result.outcome, result.detail) == (UpdateOutcome.REJECTED, "offers 1: nested too deeply")
    assert live_name(store) == "from the file"


def test_one_with_as_many_levels_as_may_be_is_applied(store: RecipeStore) -> None:
    body = deep_blob(1, MAX_LEVELS).decode()
    assert apply(store, message(body=body)).outcome is UpdateOutcome.APPLIED


@given(
    JSON_VALUES
    | st.fixed_dictionaries(dict.fromkeys(("type", "id", "action", "timestamp", "body"), JSON_VALUES))
)
def test_no_message_raises_anything_but_unusable_update(anything: object) -> None:
    with suppress(UnusableUpdate):
        read_update(anything, NOW_MS)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_whatever_the_order_the_newest_update_wins(store: RecipeStore, order: tuple[int, ...]) -> None:
    for at in order:
        apply(store, message(timestamp=NOW_MS + at, name=f"update {at}"))
    assert live_name(store) == "update 2"
