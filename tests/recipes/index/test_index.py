"""The index of names and uses: written by a load, followed by updates, built anew when it is lost."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings as SettingsWrapper

from recipes.file.download import local_path
from recipes.index.index import IndexBroken, IndexRow, IndexWriter, RecordIndex, folded, index_row
from recipes.index.maintain import IndexMissing, index_path, keep_indexed, live_index
from recipes.records.kinds import RecipeKind
from recipes.records.records import parse_campaign, parse_offer
from recipes.records.references import Relation
from recipes.store.store import RecipeStore
from recipes.sync.sync import SyncRequest, sync
from tests.recipe import change_record, deep_blob, make_live, offer_blob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS, CAMPAIGNS = RecipeKind.OFFERS, RecipeKind.CAMPAIGNS
NAMES = st.lists(
    st.text(st.sampled_from("aAbB ßİ%_'\""), min_size=1, max_size=8).filter(str.strip),
    min_size=1,
    max_size=12,
)


@pytest.fixture
def store(redis_client: redis.Redis, tmp_path: Path, settings: SettingsWrapper) -> RecipeStore:
    settings.OFFERS_RECIPE_PATH = str(tmp_path / "offersRecipe.json.gz")
    settings.CAMPAIGNS_RECIPE_PATH = str(tmp_path / "campaignsRecipe.json.gz")
    return RecipeStore(redis_client)


def load_offers(s3: "S3Client", store: RecipeStore, *offers: bytes, **options: Any) -> None:
    """Make these offers live, by a sync from S3."""
    body = gzip.compress(b"[" + b",".join(offers) + b"]")
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)
    sync(SyncRequest(kind=OFFERS, force=True, **options), store)


def found(store: RecipeStore, text: str) -> list[int]:
    with live_index(store, OFFERS) as index:
        return index.search(text, 10).ids


def exits_to(store: RecipeStore, offer_id: int) -> list[int]:
    with live_index(store, OFFERS) as index:
        return index.using(offer_id, Relation.EXIT, 10)


def written(path: Path, *rows: IndexRow) -> RecordIndex:
    writer = IndexWriter(path)
    writer.add(rows)
    writer.finish(version=1)
    return RecordIndex(path)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[RecordIndex]:
    """Three names, none of which uses an offer."""
    names = {1: "Alpine Hiking Shop", 2: "The Shop in the Alps", 3: "Workshop Tools"}
    rows = (IndexRow(record_id, folded(name), "[]") for record_id, name in names.items())
    with closing(written(tmp_path / "an.index.sqlite3", *rows)) as index:
        yield index


def test_the_beginning_of_a_name_comes_first_then_of_a_word_then_the_inside(index: RecordIndex) -> None:
    assert index.search("alp", 10).ids == [1, 2]
    assert index.search("shop", 10).ids == [1, 2, 3]
    assert index.search("the shop", 10).ids == [2]


def test_case_and_spaces_make_no_difference(index: RecordIndex) -> None:
    assert index.search("  ALPINE   hiking ", 10).ids == [1]


def test_words_may_stand_apart(index: RecordIndex) -> None:
    assert index.search("shop alpine", 10).ids == [1]


def test_it_says_when_there_are_more(index: RecordIndex) -> None:
    assert index.search("shop", 2) == ([1, 2], True)
    assert index.search("shop", 3) == ([1, 2, 3], False)


def test_nothing_is_found_by_nothing(index: RecordIndex) -> None:
    assert index.search("  ", 10) == ([], False)


@given(names=NAMES, text=st.text(st.sampled_from("aAbB ßİ%_'\""), min_size=1, max_size=3))
def test_found_is_what_holds_every_word(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], text: str
) -> None:
    rows = [IndexRow(record_id, folded(name), "[]") for record_id, name in enumerate(names, start=1)]
    words = folded(text).split()
    with closing(written(tmp_path_factory.mktemp("index") / "i.index.sqlite3", *rows)) as index:
        fitting = {row.record_id for row in rows if words and all(word in row.name for word in words)}
        assert set(index.search(text, 100).ids) == fitting


def test_every_use_of_an_offer_is_known() -> None:
    caps = {"capSetup": True, "capInfo": {"offerCapsOfferIdRedirect": 4, "campaignCapsOfferIdRedirect": 4}}
    offer = {
        **{"offerId": 1, "status": "public", "type": "aggregated", "offerIdRedirectExitTraffic": 2},
        **{"offersAggregatedIds": [{"aggregatedOfferId": 3}], "exitOfferDetected": {"offerId": 5}, **caps},
    }
    rules = json.dumps(
        {
            "redirectTo": 6,
            "rules": [
                {"include": True, "filterGroups": [{"conditions": [{"dimension": "country", "value": "US"}]}]}
            ],
        }
    )
    campaign = {"campaignId": 1, "offerId": 7, "targetRules": [{"rules": rules}], **caps}

    def uses(row: IndexRow) -> set[tuple[int, Relation]]:
        return {(use // 8, Relation(use % 8)) for use in json.loads(row.uses)}

    assert uses(index_row(parse_offer(offer))) == {
        *((2, Relation.EXIT), (3, Relation.CANDIDATE), (4, Relation.OFFER_CAPS), (5, Relation.DETECTED))
    }
    assert uses(index_row(parse_campaign(campaign))) == {
        *((7, Relation.CAMPAIGN), (6, Relation.TARGET), (4, Relation.CAMPAIGN_CAPS))
    }


def test_the_campaigns_of_an_affiliate_are_known(tmp_path: Path) -> None:
    rows = [
        index_row(parse_campaign({"campaignId": id_, "affiliateId": affiliate_id, "offerId": 5}))
        for id_, affiliate_id in ((1, 7), (2, 8), (3, 7), (4, None))
    ]
    with closing(written(tmp_path / "an.index.sqlite3", *rows)) as index:
        assert (index.of_affiliate(7, 10), index.of_affiliate(7, 10, after=1)) == ([1, 3], [3])
        assert index.count_of_affiliate(7, 10) == 2
        assert index.using(5, Relation.CAMPAIGN, 10) == [1, 2, 3, 4]


def test_a_file_of_another_format_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "an.index.sqlite3"
    written(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 1")
    with pytest.raises(IndexBroken, match="has the format 1 instead of 2"):
        RecordIndex(path)


def test_the_largest_id_fits(tmp_path: Path) -> None:
    campaign = parse_campaign({"campaignId": 10**18 - 1, "offerId": 10**18 - 1})
    with closing(written(tmp_path / "an.index.sqlite3", index_row(campaign))) as index:
        assert index.using(10**18 - 1, Relation.CAMPAIGN, 1) == [10**18 - 1]


def test_a_load_brings_its_index(s3: "S3Client", store: RecipeStore) -> None:
    load_offers(s3, store, offer_blob(1, name="Tea House"), offer_blob(2, offerIdRedirectExitTraffic=1))
    assert (found(store, "house"), exits_to(store, 1)) == ([1], [2])


def test_of_records_with_one_id_the_last_is_found(s3: "S3Client", store: RecipeStore) -> None:
    first = offer_blob(1, name="first", offerIdRedirectExitTraffic=7)
    load_offers(s3, store, first, offer_blob(1, name="last"))
    assert (found(store, "first"), found(store, "last"), exits_to(store, 7)) == ([], [1], [])


def test_the_index_of_an_older_generation_is_deleted(s3: "S3Client", store: RecipeStore) -> None:
    for _ in range(2):
        load_offers(s3, store, offer_blob(1))
    kept = [path.name for path in local_path(OFFERS).parent.glob("*.index.*")]
    assert kept == [index_path(OFFERS, store.meta(OFFERS).index or "").name]


def test_a_load_that_fails_leaves_no_index_behind(s3: "S3Client", store: RecipeStore) -> None:
    load_offers(s3, store, offer_blob(1, name="good"))
    with pytest.raises(ValueError, match="not JSON"):
        load_offers(s3, store, offer_blob(2), b"{")
    assert found(store, "good") == [1]
    assert len(list(local_path(OFFERS).parent.glob("*.index.*"))) == 1


def test_updates_are_found_at_once(s3: "S3Client", store: RecipeStore) -> None:
    load_offers(
        s3, store, offer_blob(1, name="old", offerIdRedirectExitTraffic=5), offer_blob(2, name="gone")
    )
    change_record(store, OFFERS, 1, offer_blob(1, name="new", offerIdRedirectExitTraffic=6))
    change_record(store, OFFERS, 2, None)
    change_record(store, OFFERS, 3, offer_blob(3, name="created"))
    assert [found(store, text) for text in ("old", "new", "gone", "created")] == [[], [1], [], [3]]
    assert (exits_to(store, 5), exits_to(store, 6)) == ([], [1])


def test_an_update_that_a_load_replays_is_found(s3: "S3Client", store: RecipeStore) -> None:
    load_offers(s3, store, offer_blob(1, name="from the file"))
    change_record(store, OFFERS, 1, offer_blob(1, name="updated"))
    load_offers(s3, store, offer_blob(1, name="from the file"))
    assert (found(store, "updated"), found(store, "from the file")) == ([1], [])


def test_any_number_of_updates_is_followed(
    s3: "S3Client", store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.index.maintain.BATCH_RECORDS", 3)
    load_offers(s3, store, offer_blob(1))
    for offer_id in range(1, 9):
        change_record(store, OFFERS, offer_id, offer_blob(offer_id, name="changed"))
    # They are replayed by a load, all at one version.
    load_offers(s3, store, offer_blob(1))
    assert found(store, "changed") == list(range(1, 9))


@pytest.mark.parametrize("are_replayed", [False, True], ids=["each a version", "all one version"])
def test_updates_that_come_while_others_are_followed_hide_none(
    s3: "S3Client", store: RecipeStore, monkeypatch: pytest.MonkeyPatch, are_replayed: bool
) -> None:
    monkeypatch.setattr("recipes.index.maintain.BATCH_RECORDS", 3)
    load_offers(s3, store, offer_blob(1))
    for offer_id in range(1, 9):
        change_record(store, OFFERS, offer_id, offer_blob(offer_id, name="changed"))
    if are_replayed:
        load_offers(s3, store, offer_blob(1))
    updated = iter((1, 2))

    def apply(index: RecordIndex, *arguments: Any) -> None:
        original(index, *arguments)
        for offer_id in updated:
            change_record(store, OFFERS, offer_id, offer_blob(offer_id, name="changed again"))

    original = RecordIndex.apply
    monkeypatch.setattr(RecordIndex, "apply", apply)
    assert sorted(found(store, "changed")) == list(range(1, 9))
    assert sorted(found(store, "again")) == [1, 2]


def test_a_page_follows_no_more_than_its_share_and_the_task_the_rest(
    s3: "S3Client", store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.index.maintain.BATCH_RECORDS", 3)
    monkeypatch.setattr("recipes.index.maintain.PAGE_CHANGES", 3)
    load_offers(s3, store, offer_blob(1))
    for offer_id in range(1, 9):
        change_record(store, OFFERS, offer_id, offer_blob(offer_id, name="changed"))
    load_offers(s3, store, offer_blob(1))
    assert len(found(store, "changed")) == 3
    assert keep_indexed(store, OFFERS) == "followed"
    assert found(store, "changed") == list(range(1, 9))


def test_without_an_index_it_says_so_and_the_task_builds_it(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1, name="Tea House"), 2: b"{}"})
    with pytest.raises(IndexMissing, match=r"generation 1 of the offers is being built"):
        found(store, "tea")
    assert keep_indexed(store, OFFERS) == "built"
    assert found(store, "tea") == [1]
    assert keep_indexed(store, OFFERS) == "followed"


def test_a_record_too_deep_to_decode_is_not_found_and_does_no_harm(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1, name="Tea House"), 2: deep_blob(2, 2000)})
    keep_indexed(store, OFFERS)
    change_record(store, OFFERS, 3, deep_blob(3, 2000))
    assert found(store, "tea") == [1]


@pytest.mark.parametrize("damage", ["deleted", "overwritten"])
def test_an_index_that_was_damaged_is_built_anew(s3: "S3Client", store: RecipeStore, damage: str) -> None:
    load_offers(s3, store, offer_blob(1, name="Tea House"))
    path = index_path(OFFERS, store.meta(OFFERS).index or "")
    path.unlink() if damage == "deleted" else path.write_bytes(b"junk" * 1000)
    with pytest.raises(IndexMissing):
        found(store, "tea")
    keep_indexed(store, OFFERS)
    assert found(store, "tea") == [1]


def test_nothing_live_has_nothing_to_find(store: RecipeStore) -> None:
    with pytest.raises(IndexMissing, match="No offers are loaded yet"):
        found(store, "tea")
    assert keep_indexed(store, OFFERS) == "nothing live"


def test_a_disk_that_takes_no_index_does_not_stop_the_load(
    s3: "S3Client", store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise IndexBroken("no space left on device")

    monkeypatch.setattr(IndexWriter, "add", full)
    load_offers(s3, store, offer_blob(1))
    assert (store.meta(OFFERS).count, store.meta(OFFERS).index) == (1, None)
