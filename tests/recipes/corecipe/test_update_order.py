"""Updates against each other: saves and deletes by two clocks, clocks that are wrong, and many at once."""

import json
import time
from typing import Any

import pytest
import redis

from recipes.corecipe.updates import UpdateOutcome, apply, apply_all
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from tests.recipe import make_live, offer_blob

OFFERS, CAMPAIGNS = RecipeKind.OFFERS, RecipeKind.CAMPAIGNS
HOUR_MS = 3_600_000
OVERLAP_MS = 300_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def save(at_ms: int, record_id: int = 1, **fields: Any) -> dict[str, Any]:
    body = offer_blob(record_id, **fields).decode()
    return {"type": "offer", "id": record_id, "action": "updateOrCreate", "timestamp": at_ms, "body": body}


def delete(at_ms: int, record_id: int = 1) -> dict[str, Any]:
    return {
        "type": "offer",
        "id": record_id,
        "action": "delete",
        "timestamp": at_ms,
        "project": "co-admin-back",
    }


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    """Offer 1 is live."""
    store = RecipeStore(redis_client)
    make_live(store, OFFERS, {1: offer_blob(1, name="from the file", descriptions="of the file")})
    return store


def live(store: RecipeStore, record_id: int = 1) -> Any:
    blob = store.get(OFFERS, record_id)
    return None if blob is None else json.loads(blob)


def outcomes(store: RecipeStore, *messages: object) -> list[UpdateOutcome]:
    return [apply(store, message).outcome for message in messages]


def go_live(store: RecipeStore, records: dict[int, bytes], modified_ms: int) -> None:
    """Make a file live that was uploaded at that time."""
    writer = store.begin(OFFERS)
    writer.add(records)
    replay = store.replay_for(OFFERS, modified_ms, OVERLAP_MS)
    replay.look_at(records)
    replay.look_at_missing()
    store.swap(writer, RecipeMeta(count=len(records), last_modified_ms=modified_ms), OVERLAP_MS, replay)


def test_a_delete_that_is_stamped_before_the_save_it_follows_applies(store: RecipeStore) -> None:
    now = now_ms()
    assert outcomes(store, save(now), delete(now - 17_000)) == [UpdateOutcome.APPLIED] * 2
    assert live(store) is None


def test_no_replay_brings_it_back(store: RecipeStore) -> None:
    now = now_ms()
    outcomes(store, save(now), delete(now - 17_000), save(now))
    assert live(store) is None
    go_live(store, {1: offer_blob(1), 2: offer_blob(2)}, now + 150_000)
    assert (live(store), live(store, 2) is None) == (None, False)


def test_a_delete_that_is_much_older_than_the_save_is_stale(store: RecipeStore) -> None:
    now = now_ms()
    assert outcomes(store, save(now, name="new"), delete(now - 121_000))[1] is UpdateOutcome.STALE
    assert live(store)["name"] == "new"


def test_a_save_after_a_delete_creates_the_record_again(store: RecipeStore) -> None:
    now = now_ms()
    outcomes(store, save(now), delete(now - 17_000), save(now + 1, name="again"))
    assert live(store)["name"] == "again"


def test_a_delete_that_is_repeated_does_not_take_it_away_once_more(store: RecipeStore) -> None:
    now = now_ms()
    again = outcomes(store, save(now), delete(now - 9), save(now + 1, name="again"), delete(now - 9))[3]
    assert (again, live(store)["name"]) == (UpdateOutcome.REPEATED, "again")


def test_an_older_save_after_a_delete_is_stale(store: RecipeStore) -> None:
    now = now_ms()
    assert outcomes(store, delete(now), save(now - 1))[1] is UpdateOutcome.STALE


def test_a_field_that_an_update_lacks_is_kept(store: RecipeStore) -> None:
    apply(store, save(now_ms(), name="changed"))
    assert (live(store)["descriptions"], live(store)["name"]) == ("of the file", "changed")


def test_a_field_that_an_update_empties_is_empty(store: RecipeStore) -> None:
    apply(store, save(now_ms(), descriptions=None))
    assert live(store)["descriptions"] is None


def test_kept_fields_are_spelt_as_they_were(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: b'{"offerId":1,"x":5.50000000000000000001}'})
    apply(store, save(now_ms()))
    assert b'"x":5.50000000000000000001' in (store.get(OFFERS, 1) or b"")


def test_an_update_that_is_completed_is_told_when_it_is_repeated(store: RecipeStore) -> None:
    message = save(now_ms(), name="changed")
    assert outcomes(store, message, message)[1] is UpdateOutcome.REPEATED


def test_an_update_with_half_an_emoji_lives(store: RecipeStore) -> None:
    message = save(now_ms(), 5)
    message["body"] = message["body"][:-1] + r', "name": "Sale \ud83d", "descriptions": "' + '\ud83d"}'
    assert apply(store, message).outcome is UpdateOutcome.APPLIED
    assert (live(store, 5)["name"], live(store, 5)["descriptions"]) == ("Sale \ufffd", "\ufffd")


@pytest.mark.parametrize("body", ['{"payin":null,"payout":null}', "null", "{}", "[ ]", '""'])
def test_a_body_without_a_record_is_passed_over(store: RecipeStore, body: str) -> None:
    assert apply(store, save(now_ms()) | {"body": body}).outcome is UpdateOutcome.EMPTY
    assert live(store)["name"] == "from the file"


def test_ids_may_be_text(store: RecipeStore) -> None:
    assert outcomes(store, save(now_ms()) | {"id": "1"}, delete(now_ms() + 1) | {"id": "1"}) == [
        UpdateOutcome.APPLIED,
        UpdateOutcome.APPLIED,
    ]


def test_an_update_whose_restriction_cannot_be_read_leaves_the_live_record(store: RecipeStore) -> None:
    result = apply(store, save(now_ms(), countriesRestrictions={"no": "list"}))
    assert (result.outcome, live(store)["name"]) == (UpdateOutcome.KEPT_UNREADABLE, "from the file")


def test_an_update_that_closes_a_record_applies_whatever_else_of_it_cannot_be_read(
    store: RecipeStore,
) -> None:
    closing = save(now_ms(), status="inactive", capSetup=1, capInfo={})
    assert (apply(store, closing).outcome, live(store)["status"]) == (UpdateOutcome.APPLIED, "inactive")


def test_where_no_record_is_live_such_an_update_applies(store: RecipeStore) -> None:
    result = apply(store, save(now_ms(), 5, countriesRestrictions={"no": "list"}))
    assert (result.outcome, live(store, 5)["offerId"]) == (UpdateOutcome.APPLIED, 5)


def test_a_clock_that_is_hours_ahead_freezes_nothing(store: RecipeStore) -> None:
    ahead = apply(store, save(now_ms() + 23 * HOUR_MS, name="ahead"))
    right = apply(store, save(now_ms() + 1, name="right"))
    assert (ahead.outcome, right.outcome) == (UpdateOutcome.APPLIED, UpdateOutcome.APPLIED)
    assert (live(store)["name"], ahead.ahead_ms > 22 * HOUR_MS) == ("right", True)
    assert "our clock, for the sender's is 82," in ahead.detail


def test_what_was_journaled_with_a_time_to_come_freezes_nothing(
    store: RecipeStore, redis_client: redis.Redis
) -> None:
    apply(store, save(now_ms(), name="ahead"))
    redis_client.zadd("recipe:offers:journal-times", {"1": now_ms() + 20 * HOUR_MS})
    assert apply(store, save(now_ms() + 1, name="right")).outcome is UpdateOutcome.APPLIED
    redis_client.zadd("recipe:offers:journal-times", {"1": now_ms() + 20 * HOUR_MS})
    go_live(store, {1: offer_blob(1, name="from a newer file")}, now_ms() + 2 * OVERLAP_MS)
    assert live(store)["name"] == "from a newer file"


def test_a_clock_that_is_minutes_ahead_is_believed(store: RecipeStore) -> None:
    at = now_ms() + 240_000
    assert apply(store, save(at)).ahead_ms == 0
    journaled = store.journaled(OFFERS, 1)
    assert journaled
    assert journaled.timestamp_ms == at


def test_many_updates_at_once_are_applied_in_order(store: RecipeStore) -> None:
    now = now_ms()
    messages: list[object] = [save(now + n, 1 + n % 3, name=f"update {n}") for n in range(300)]
    results = apply_all(store, [*messages, delete(now + 299 - 60_000, 1), "junk"])
    assert [result.outcome for result in results] == [UpdateOutcome.APPLIED] * 301 + [UpdateOutcome.MALFORMED]
    assert (live(store, 1), live(store, 2)["name"], live(store, 3)["name"]) == (
        None,
        "update 298",
        "update 299",
    )


def test_stale_ones_among_them_harm_nothing(store: RecipeStore) -> None:
    now = now_ms()
    messages = [save(now, name="newest"), save(now - 5, name="old"), save(now + 1, extra=1), delete(now - 3)]
    found = [result.outcome for result in apply_all(store, messages)]
    assert found == [UpdateOutcome.APPLIED, UpdateOutcome.STALE, UpdateOutcome.APPLIED, UpdateOutcome.APPLIED]
    assert live(store) is None


def test_all_may_be_applied_once_more_after_a_broken_connection(store: RecipeStore) -> None:
    now = now_ms()
    messages = [save(now, name="one"), delete(now - 9), save(now + 1, name="two"), save(now + 2, 5, name="x")]
    apply_all(store, messages)
    before = store.version()
    apply_all(store, messages)
    assert (live(store)["name"], live(store, 5)["name"], store.version()) == ("two", "x", before)


def test_a_record_that_changes_meanwhile_is_read_again(
    store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_updates = store.write_updates
    raced: list[int] = []

    def race(*arguments: Any) -> Any:
        if not raced:
            raced.append(1)
            make_live(store, OFFERS, {1: offer_blob(1, descriptions="of a newer file")})
        return write_updates(*arguments)

    monkeypatch.setattr(store, "write_updates", race)
    assert apply(store, save(now_ms(), name="changed")).outcome is UpdateOutcome.APPLIED
    assert live(store)["descriptions"] == "of a newer file"


def older_file(store: RecipeStore, before: dict[int, bytes], *, hours: int = 1) -> None:
    """A file made before the updates is uploaded anew, hours after them."""
    go_live(store, before, now_ms() + hours * HOUR_MS)


def test_yesterdays_file_uploaded_anew_does_not_undo_an_update(store: RecipeStore) -> None:
    before = {1: store.get(OFFERS, 1) or b"", 2: offer_blob(2)}
    make_live(store, OFFERS, before)
    outcomes(store, save(now_ms(), name="one"), save(now_ms() + 1, name="two"), delete(now_ms(), 2))
    older_file(store, before)
    assert (live(store)["name"], live(store, 2)) == ("two", None)


def test_however_its_values_are_spelt(store: RecipeStore) -> None:
    before = json.dumps(live(store), indent=1, sort_keys=True).encode()
    apply(store, save(now_ms(), name="changed"))
    older_file(store, {1: before})
    assert live(store)["name"] == "changed"


def test_nor_does_it_take_away_what_an_update_created(store: RecipeStore) -> None:
    before = store.get(OFFERS, 1) or b""
    outcomes(store, save(now_ms(), name="changed"), save(now_ms(), 9))
    older_file(store, {1: before})
    assert live(store, 9) is not None


def test_a_newer_file_takes_away_what_an_update_created(store: RecipeStore) -> None:
    outcomes(store, save(now_ms(), name="changed"), save(now_ms(), 9))
    older_file(store, {1: store.get(OFFERS, 1) or b""})
    assert live(store, 9) is None


def test_what_was_changed_back_on_purpose_stays_changed_back(store: RecipeStore) -> None:
    original = live(store)
    outcomes(store, save(now_ms(), name="changed"), save(now_ms() + 1, **original))
    older_file(store, {1: offer_blob(1, name="changed", descriptions="of the file")})
    assert live(store)["name"] == "from the file"


def test_a_file_with_what_came_after_the_update_counts_for_good(store: RecipeStore) -> None:
    before = store.get(OFFERS, 1) or b""
    apply(store, save(now_ms(), name="changed"))
    older_file(store, {1: offer_blob(1, name="newer")}, hours=1)
    older_file(store, {1: before}, hours=2)
    assert live(store)["name"] == "from the file"


def test_an_update_that_comes_late_does_not_undo_the_file_that_came_before_it(store: RecipeStore) -> None:
    now = now_ms()
    outcomes(store, save(now - 2 * HOUR_MS, countriesRestrictions=""))
    go_live(store, {1: offer_blob(1, countriesRestrictions="CN")}, now)
    assert outcomes(store, save(now - HOUR_MS, countriesRestrictions="")) == [UpdateOutcome.STALE]
    assert live(store)["countriesRestrictions"] == "CN"


def test_an_update_that_comes_late_applies_where_the_file_did_not_undo_the_one_before(
    store: RecipeStore,
) -> None:
    now, before = now_ms(), store.get(OFFERS, 1)
    assert before
    outcomes(store, save(now - 2 * HOUR_MS, name="saved"))
    go_live(store, {1: before}, now)
    assert outcomes(store, save(now - HOUR_MS, name="late")) == [UpdateOutcome.APPLIED]
    assert live(store)["name"] == "late"
