"""A recipe file against what is live, record by record, without a change to anything."""

import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from recipes.file.download import RecipeFile
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from recipes.sync.comparison import Comparison, FieldChange, compare
from recipes.sync.sync import no_progress
from tests.recipe import change_record, deep_blob, make_live, offer_blob

OFFERS = RecipeKind.OFFERS
LONG_AGO_MS = 1_600_000_000_000
LATER_MS = 4_000_000_000_000
RECIPES = st.dictionaries(st.integers(1, 12), st.sampled_from(["a", "b", "c"]), min_size=1)


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    return RecipeStore(redis_client)


def recipe_file(path: Path, *offers: bytes, modified_ms: int = LATER_MS) -> RecipeFile:
    path.write_bytes(gzip.compress(b"[" + b",".join(offers) + b"]"))
    return RecipeFile(path, path.stat().st_size, '"tag"', "digest", modified_ms)


def compared(store: RecipeStore, path: Path, *offers: bytes, **options: Any) -> Comparison:
    found, candidate = compare(OFFERS, recipe_file(path / "file.gz", *offers, **options), store, no_progress)
    candidate.close()
    return found


def counts(found: Comparison) -> tuple[int, int, int, int]:
    return found.added, found.removed, found.changed, found.unchanged


def test_records_that_come_go_and_change_are_counted(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {n: offer_blob(n, name=f"offer {n}") for n in (1, 2, 3)})
    found = compared(store, tmp_path, offer_blob(1, name="offer 1"), offer_blob(2, name="new"), offer_blob(4))
    assert counts(found) == (1, 1, 1, 1)
    assert [record.record_id for record in found.added_records] == [4]
    assert [(record.record_id, record.name) for record in found.removed_records] == [(3, "offer 3")]


def test_changed_caps_are_told_in_words(store: RecipeStore, tmp_path: Path) -> None:
    def capped(current: int, **flags: object) -> bytes:
        clicks = {"day": {"current": current, "limit": 10}}
        flags = {"capsClicksUnderLimit": True, **flags}
        return offer_blob(1, capSetup=True, capInfo={"clicks": clicks, **flags})

    make_live(store, OFFERS, {1: capped(3)})
    over = {"capsClicksUnderLimit": False, "capsClicksOverLimit": True}
    (record,) = compared(store, tmp_path, capped(10, **over)).changed_records
    assert record.fields == [
        FieldChange(
            "capInfo",
            "3 of 10 clicks of the day; under its limit of clicks",
            "10 of 10 clicks of the day; over its limit of clicks",
        )
    ]
    # What words do not tell is shown as it is.
    (record,) = compared(store, tmp_path, capped(3, other="new")).changed_records
    assert (record.fields[0].after or "").startswith("{")


def test_a_change_is_told_field_by_field(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {1: offer_blob(1, payin="5.5", gone=[1])})
    found = compared(store, tmp_path, offer_blob(1, payin="6.5", come={"a": None}))
    assert found.changed_records[0].fields == [
        FieldChange("payin", "5.5", "6.5"),
        FieldChange("gone", "[1]", None),
        FieldChange("come", None, '{"a":null}'),
    ]
    assert found.fields == {"payin": 1, "gone": 1, "come": 1}


def test_another_spelling_of_the_same_values_is_no_change(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {1: offer_blob(1, name="é")})
    respelled = json.dumps(dict(reversed(json.loads(offer_blob(1, name="é")).items())), indent=1)
    assert counts(compared(store, tmp_path, respelled.encode())) == (0, 0, 0, 1)


def test_a_live_record_too_deep_to_decode_is_a_change(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {1: deep_blob(1, 2000), 2: deep_blob(2, 2000)})
    assert counts(compared(store, tmp_path, offer_blob(1))) == (0, 1, 1, 0)


def test_of_records_with_one_id_the_last_counts(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {1: offer_blob(1, name="same")})
    found = compared(
        store,
        tmp_path,
        offer_blob(1, name="other"),
        *[offer_blob(n) for n in range(2, 2100)],
        offer_blob(1, name="same"),
    )
    assert (found.changed, found.changed_records) == (0, [])


def test_updates_newer_than_the_file_stay(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {n: offer_blob(n) for n in (1, 2)})
    change_record(store, OFFERS, 1, offer_blob(1, name="updated"))
    change_record(store, OFFERS, 2, None)
    change_record(store, OFFERS, 3, offer_blob(3, name="created"))
    found = compared(store, tmp_path, offer_blob(1), offer_blob(2), modified_ms=LONG_AGO_MS)
    assert (counts(found), found.kept_updates) == ((0, 0, 0, 2), 3)


def test_the_candidate_is_what_would_be_live(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {n: offer_blob(n) for n in (1, 2, 3)})
    change_record(store, OFFERS, 4, offer_blob(4, name="created"))
    file = recipe_file(tmp_path / "f.gz", offer_blob(1), offer_blob(2, name="new"), modified_ms=LONG_AGO_MS)
    _, candidate = compare(OFFERS, file, store, no_progress)
    with closing(candidate):
        found = [candidate.get(n) for n in range(1, 6)]
    assert found == [offer_blob(1), offer_blob(2, name="new"), None, offer_blob(4, name="created"), None]


def test_rejected_records_and_a_large_drop_are_told(store: RecipeStore, tmp_path: Path) -> None:
    make_live(store, OFFERS, {n: offer_blob(n) for n in range(1, 11)})
    found = compared(store, tmp_path, offer_blob(1), offer_blob(2, status="?"))
    assert (found.rejected, found.is_held_back, found.drop_percent) == ({"no usable status": 1}, True, 80.0)


def test_a_file_that_can_never_go_live_is_rejected(store: RecipeStore, tmp_path: Path) -> None:
    with pytest.raises(RecipeRejected, match="not JSON"):
        compared(store, tmp_path, offer_blob(1), b"{")


def test_examples_are_bounded_and_counts_are_exact(
    store: RecipeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.sync.comparison.KEPT_RECORDS", 3)
    make_live(store, OFFERS, {n: offer_blob(n) for n in range(1, 9)})
    found = compared(store, tmp_path, *[offer_blob(n, name="x") for n in range(5, 21)])
    assert (found.added, found.removed, found.changed) == (12, 4, 4)
    kept = (found.added_records, found.removed_records, found.changed_records)
    assert [len(records) for records in kept] == [3, 3, 3]


def test_nothing_is_written_to_redis(store: RecipeStore, redis_client: redis.Redis, tmp_path: Path) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    before = {key: redis_client.dump(key) for key in redis_client.keys("*")}
    compared(store, tmp_path, offer_blob(2))
    assert {key: redis_client.dump(key) for key in redis_client.keys("*")} == before


@hypothesis_settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(live=RECIPES, new=RECIPES)
def test_counts_are_those_of_the_two_recipes(
    store: RecipeStore, redis_client: redis.Redis, tmp_path: Path, live: dict[int, str], new: dict[int, str]
) -> None:
    redis_client.flushall()
    writer = store.begin(OFFERS)
    writer.add({n: offer_blob(n, name=name) for n, name in live.items()})
    store.swap(writer, RecipeMeta(count=len(live)))
    found = compared(store, tmp_path, *[offer_blob(n, name=name) for n, name in new.items()])
    both = live.keys() & new.keys()
    changed = {n for n in both if live[n] != new[n]}
    assert counts(found) == (
        *(len(new.keys() - live.keys()), len(live.keys() - new.keys()), len(changed)),
        len(both) - len(changed),
    )
