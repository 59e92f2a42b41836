"""What the overview says of the recipe, and of those it comes from: co-recipe and S3."""

import pytest
import redis
from pytest_django import Settings

from recipes.records.kinds import RecipeKind
from recipes.store.status import HostState, ListenerState, SyncState
from recipes.store.store import RecipeStore
from recipes.store.types import HeldFile, Hold, RecipeMeta
from tests.cotraffic.diagnostics.looking import fact, now_ms, parts
from tests.recipe import make_live, offer_blob

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    return RecipeStore(redis_client)


def test_what_is_well_needs_no_hint(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    meta = RecipeMeta(
        count=1,
        announced_size=162394,
        last_modified_ms=now_ms() - 7_300_000,
        loaded_at_ms=now_ms(),
        checked_at_ms=now_ms(),
        took_ms=120,
        source="S3",
        size_bytes=2_000,
    )
    store.swap(writer, meta)
    offers = parts()["recipe-offers"]
    assert (offers.state, offers.hint) == ("ok", "")
    assert fact(offers, "Generation") == "1"
    assert fact(offers, "Announced size") == "162,394"
    assert fact(offers, "Loading took") == "120 ms"
    assert fact(offers, "From") == "S3, 2 kB"
    assert "2 h" in fact(offers, "Age of the file")


def test_a_recipe_that_could_not_be_replaced_is_a_warning_with_its_reason(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    store.amend_meta(OFFERS, last_error="offers: the file is no gzip", last_error_at_ms=now_ms())
    offers = parts()["recipe-offers"]
    assert (offers.state, "the file is no gzip" in offers.sentence) == ("warning", True)


def test_a_file_that_is_held_back_is_a_warning_with_its_reason(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    why = "offers: 9 of its 9 records have values that cannot be read"
    store.amend_meta(OFFERS, held=HeldFile('"etag"', why, now_ms(), (50.0, 5.0)), last_error=why)
    offers = parts()["recipe-offers"]
    assert (offers.state, "looks damaged and is held back: offers: 9 of its 9" in offers.sentence) == (
        "warning",
        True,
    )
    assert "recipe preview" in offers.hint


def test_records_that_stay_as_they_were_are_named(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    kept = [f"record {number}: its countries cannot be read" for number in range(1, 12)]
    store.amend_meta(OFFERS, loaded_at_ms=now_ms(), kept_count=30, kept=kept, carried=4, undone=2)
    offers = parts()["recipe-offers"]
    assert (offers.state, "30 of them stay as they were" in offers.sentence) == ("warning", True)
    assert fact(offers, "Stay as they were").splitlines() == [*kept[:10], "and 20 more"]
    assert "4, for the file holds elements" in fact(offers, "Not in the file")
    assert "2, for the file was made before" in fact(offers, "Stay as updates have them")


def test_rejected_records_are_named_with_their_reasons(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    store.amend_meta(
        OFFERS, loaded_at_ms=now_ms(), rejected={"no usable id": 3}, rejections=["record 7: no usable id"]
    )
    offers = parts()["recipe-offers"]
    assert offers.state == "warning"
    assert fact(offers, "Rejected records") == "3: no usable id\nfor example record 7: no usable id"


def test_a_recipe_on_hold_is_not_said_to_be_what_s3_has(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    store.amend_meta(OFFERS, loaded_at_ms=now_ms(), checked_at_ms=now_ms())
    assert parts()["recipe-offers"].state == "ok"
    store.holds.put(OFFERS, Hold("sam", now_ms(), etag="left"))
    offers = parts()["recipe-offers"]
    assert (offers.state, "sam decided to leave the file in S3" in offers.sentence) == ("warning", True)


def test_a_recipe_that_nobody_compares_grows_stale(store: RecipeStore, settings: Settings) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    old_ms = now_ms() - int(settings.RECIPE_STALE_SECONDS * 1000) - 60_000
    store.amend_meta(OFFERS, loaded_at_ms=old_ms, checked_at_ms=old_ms)
    assert "not compared with S3 for" in parts()["recipe-offers"].sentence


def host(connected: bool, error: str | None = None) -> HostState:
    since = now_ms() if connected else None
    return HostState(
        "http://staff:secret@corecipe.example:3001", since, now_ms(), now_ms(), "offers: 5", error
    )


def listener(*hosts: HostState, **syncs: SyncState) -> ListenerState:
    return ListenerState(7, now_ms(), list(hosts), {"applied": 2}, 0, syncs)


def test_co_recipe_is_connected(store: RecipeStore) -> None:
    store.publish_listener_state(listener(host(True)))
    found = parts()
    assert found["corecipe-master"].state == "ok"
    assert found["corecipe-slave"].state == "off"
    assert found["listener"].sentence == "Listens, and has applied 2 updates."


def test_a_sync_that_failed_says_why_and_when_it_is_tried_again(store: RecipeStore) -> None:
    failed = SyncState(failures=2, last_error="S3 is away", next_try_ms=1_800_000_000_000)
    store.publish_listener_state(listener(host(True), offers=failed, campaigns=SyncState()))
    found = parts()["listener"]
    assert (found.state, found.sentence) == ("warning", "Listens, but its last sync failed.")
    facts = {fact.label: fact for fact in found.facts}
    assert facts["Its last sync failed"].lines == ("offers: S3 is away",)
    assert facts["Tried again"].at_s == 1_800_000_000


@pytest.fixture
def failed_ms(store: RecipeStore) -> int:
    """When the listener's last syncs of both kinds failed."""
    at_ms = now_ms() - 60_000
    failed = SyncState(failures=2, last_error="S3 is away", last_ended_ms=at_ms)
    store.publish_listener_state(listener(host(True), offers=failed, campaigns=failed))
    return at_ms


def test_a_failed_sync_is_no_concern_once_another_has_compared_with_s3(
    store: RecipeStore, failed_ms: int
) -> None:
    for kind in RecipeKind:
        store.amend_meta(kind, checked_at_ms=failed_ms + 1)
    found = parts()["listener"]
    assert (found.state, found.sentence) == ("ok", "Listens, and has applied 2 updates.")


def test_a_kind_that_still_fails_is_named_without_the_one_that_does_not(
    store: RecipeStore, failed_ms: int
) -> None:
    store.amend_meta(OFFERS, checked_at_ms=failed_ms + 1)
    assert fact(parts()["listener"], "Its last sync failed") == "campaigns: S3 is away"


def test_a_look_at_s3_before_a_failed_sync_does_not_make_it_good(store: RecipeStore, failed_ms: int) -> None:
    for kind in RecipeKind:
        store.amend_meta(kind, checked_at_ms=failed_ms - 1)
    assert parts()["listener"].state == "warning"


def test_a_reload_from_the_disk_does_not_make_a_failed_sync_good(store: RecipeStore, failed_ms: int) -> None:
    for kind in RecipeKind:
        store.amend_meta(kind, loaded_at_ms=failed_ms + 1)
    assert parts()["listener"].state == "warning"


def test_secrets_in_an_address_are_not_shown(store: RecipeStore) -> None:
    store.publish_listener_state(listener(host(True)))
    assert fact(parts()["corecipe-master"], "Address") == "corecipe.example:3001"


@pytest.mark.parametrize(("slave_is_connected", "state"), [(True, "warning"), (False, "error")])
def test_a_master_that_is_away_is_worse_without_a_slave(
    store: RecipeStore, slave_is_connected: bool, state: str
) -> None:
    store.publish_listener_state(listener(host(False, "refused"), host(slave_is_connected)))
    master = parts()["corecipe-master"]
    assert (master.state, "refused" in master.sentence) == (state, True)
    assert "SOCKET_HOST" in master.hint


def test_s3_tells_how_the_last_look_went(store: RecipeStore) -> None:
    assert parts()["s3"].state == "warning"
    store.note_s3(now_ms(), None)
    assert parts()["s3"].state == "ok"
    store.note_s3(now_ms(), "there is no bucket b; check S3_BUCKET_NAME")
    assert (parts()["s3"].state, "check S3_BUCKET_NAME" in parts()["s3"].sentence) == ("error", True)
