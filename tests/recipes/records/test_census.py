"""The census of a file with elements that cannot be used: its shares are of the records that will be live."""

import gzip
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis

from recipes.file.download import local_path
from recipes.records.census import Census
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.damage import live_census
from recipes.sync.hold import HeldBack
from recipes.sync.sync import SyncReport, SyncRequest, sync
from tests.recipe import deep_blob, make_live, offer_blob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS
NO_RECORD: list[Any] = []


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


def offers(first: int, last: int, **fields: Any) -> list[Any]:
    """Offers `first` to `last`, each closed to visitors from China."""
    usual = {"status": "public", "type": "regular", "landingPageUrl": "https://a.example/"}
    return [{"offerId": n, **usual, "countriesRestrictions": "CN", **fields} for n in range(first, last + 1)]


def unrestricted(first: int, last: int) -> list[Any]:
    return offers(first, last, countriesRestrictions="")


def go_live(s3: "S3Client", store: RecipeStore, records: list[Any], force: bool = False) -> SyncReport:
    body = gzip.compress(json.dumps(records).encode())
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)
    return sync(SyncRequest(kind=OFFERS, force=force), store)


def census(store: RecipeStore) -> Census:
    found = store.meta(OFFERS).census
    assert found is not None
    return found


def test_restrictions_that_are_lost_show_beside_elements_that_are_no_records(
    s3: "S3Client", store: RecipeStore
) -> None:
    go_live(s3, store, offers(1, 100))
    with pytest.raises(HeldBack, match="50 of its records have restricted countries, 100 of those live"):
        go_live(s3, store, unrestricted(1, 50) + [NO_RECORD] * 50)


def test_they_show_after_a_file_with_such_elements(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(1, 100))
    go_live(s3, store, offers(1, 50) + [NO_RECORD] * 50)
    with pytest.raises(HeldBack, match="64 of its records have restricted countries, 100 of those live"):
        go_live(s3, store, unrestricted(1, 36) + offers(37, 100))


def test_they_show_after_a_file_with_rejected_records(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(1, 100))
    go_live(s3, store, offers(1, 50) + offers(51, 100, status="?"), force=True)
    with pytest.raises(HeldBack, match="64 of its records have restricted countries, 100 of those live"):
        go_live(s3, store, unrestricted(1, 36) + offers(37, 100))


def test_they_show_after_a_file_with_records_without_an_id(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(1, 100))
    go_live(s3, store, offers(1, 50) + offers(51, 100, offerId="x"), force=True)
    with pytest.raises(HeldBack, match="64 of its records have restricted countries, 100 of those live"):
        go_live(s3, store, unrestricted(1, 36) + offers(37, 100))


def test_rejected_records_show_after_a_file_with_elements_that_are_no_records(
    s3: "S3Client", store: RecipeStore
) -> None:
    go_live(s3, store, offers(1, 80) + [NO_RECORD] * 20)
    with pytest.raises(HeldBack, match=r"20 of its 100 records cannot be used, 20.0 % \(0.0 % of those"):
        go_live(s3, store, offers(1, 80) + offers(81, 100, status="?"))


def test_the_same_rejected_records_again_are_no_damage(s3: "S3Client", store: RecipeStore) -> None:
    records = offers(1, 80) + offers(81, 100, status="?")
    go_live(s3, store, records)
    assert go_live(s3, store, [*offers(1, 1, name="new"), *records[1:]]).outcome == "done"


def test_a_live_record_too_deep_to_decode_cannot_be_used(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1), 2: deep_blob(2, 2000)})
    assert live_census(OFFERS, store, store.meta(OFFERS), lambda _: None).rejected == 1


@pytest.mark.parametrize(
    ("rest", "elements", "rejected", "stayed"),
    [
        pytest.param([], 90, 0, 0, id="gone"),
        pytest.param([NO_RECORD], 100, 0, 0, id="one that is no record"),
        pytest.param(offers(91, 100, status="?"), 100, 10, 10, id="rejected"),
        pytest.param(offers(91, 100, offerId="x"), 100, 10, 10, id="without an id"),
        pytest.param(offers(91, 94, offerId="x"), 100, 4, 4, id="fewer without an id"),
        pytest.param(offers(91, 102, offerId="x"), 102, 12, 10, id="more without an id"),
        pytest.param(offers(101, 110, status="?"), 100, 10, 0, id="new ones rejected"),
        pytest.param(
            [*offers(96, 105, status="?"), *offers(91, 93, offerId="x"), NO_RECORD],
            105,
            13,
            8,
            id="of each some",
        ),
    ],
)
def test_every_record_is_one_element_whether_the_file_or_what_is_live_is_counted(
    s3: "S3Client", store: RecipeStore, rest: list[Any], elements: int, rejected: int, stayed: int
) -> None:
    go_live(s3, store, offers(1, 100))
    report = go_live(s3, store, offers(1, 90) + rest, force=True)
    file = census(store)
    assert file == Census(elements, rejected, 0, file.sets, stayed)
    assert file.sets["countries"] == report.count
    live = live_census(OFFERS, store, store.meta(OFFERS), lambda _: None)
    assert (live.elements, live.rejected, live.sets) == (file.elements, file.rejected, file.sets)
