"""What stays live when a file has no usable version of it, and what a damaged file is held back for."""

import gzip
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis
from pytest_django.fixtures import Settings as SettingsWrapper

from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.hold import HeldBack
from recipes.sync.outcomes import SyncOutcome, sync_counts
from recipes.sync.sync import SyncReport, SyncRequest, sync
from tests.processes import command
from tests.recipe import change_record, deep_blob

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS
UNREADABLE = {"no": "list"}


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


def offers(count: int, **fields: Any) -> list[Any]:
    """Offers 1 to `count`, each closed to visitors from the US."""
    usual = {"status": "public", "type": "regular", "landingPageUrl": "https://a.example/"}
    return [{"offerId": n, **usual, "countriesRestrictions": "US", **fields} for n in range(1, count + 1)]


def upload(s3: "S3Client", records: list[Any]) -> None:
    body = gzip.compress(json.dumps(records).encode())
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)


def sync_offers(store: RecipeStore, **options: Any) -> SyncReport:
    return sync(SyncRequest(kind=OFFERS, **options), store)


def live(store: RecipeStore, offer_id: int) -> Any:
    blob = store.get(OFFERS, offer_id)
    return None if blob is None else json.loads(blob)


def go_live(s3: "S3Client", store: RecipeStore, records: list[Any], **options: Any) -> SyncReport:
    upload(s3, records)
    return sync_offers(store, **options)


@pytest.mark.parametrize("element", [[], None, 7, "text", {}, {"offerId": "x"}])
def test_with_an_element_that_is_no_record_what_is_missing_stays_live(
    s3: "S3Client", store: RecipeStore, element: Any
) -> None:
    go_live(s3, store, offers(40))
    report = go_live(s3, store, [*offers(38), element])
    assert (report.count, report.carried, sum(report.rejected.values())) == (40, 2, 1)
    assert live(store, 40) == offers(40)[39]


def test_without_such_an_element_what_is_missing_goes(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    assert go_live(s3, store, offers(38)).carried == 0
    assert live(store, 40) is None


def test_however_small_a_recipe_is_such_elements_hold_no_file_back(
    s3: "S3Client", store: RecipeStore
) -> None:
    restricting = {**offers(1)[0], "countriesRestrictions": "US"}
    go_live(s3, store, [restricting, *offers(3)[1:]])
    report = go_live(s3, store, [[], *offers(3, name="new")[1:], []])
    assert (report.count, report.carried, report.rejected) == (3, 1, {"no record": 2})
    assert (live(store, 1), live(store, 2)["name"]) == (restricting, "new")


def test_a_first_file_with_such_an_element_goes_live(s3: "S3Client", store: RecipeStore) -> None:
    report = go_live(s3, store, [*offers(1), []])
    assert (report.count, report.rejected) == (1, {"no record": 1})


def test_a_record_that_an_update_deleted_is_not_carried_over(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    change_record(store, OFFERS, 40, None)
    go_live(s3, store, [*offers(39), []])
    assert live(store, 40) is None


def test_a_record_whose_restriction_cannot_be_read_stays_as_it_was(
    s3: "S3Client", store: RecipeStore
) -> None:
    go_live(s3, store, offers(40))
    records = offers(40, name="new")
    records[6]["countriesRestrictions"] = UNREADABLE
    report, meta = go_live(s3, store, records), store.meta(OFFERS)
    assert (live(store, 7), live(store, 8)["name"]) == (offers(40)[6], "new")
    assert (report.kept_count, meta.kept_count) == (1, 1)
    assert report.kept == meta.kept == ["record 7: its countries cannot be read"]


def test_a_record_that_is_closed_goes_live_whatever_else_of_it_cannot_be_read(
    s3: "S3Client", store: RecipeStore
) -> None:
    go_live(s3, store, offers(40))
    records = offers(40)
    records[6] |= {"status": "inactive", "countriesRestrictions": UNREADABLE}
    assert (go_live(s3, store, records).kept_count, live(store, 7)["status"]) == (0, "inactive")


def test_where_none_is_live_it_goes_live_as_it_is(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    records = [*offers(40), {**offers(1)[0], "offerId": 41, "countriesRestrictions": UNREADABLE}]
    assert go_live(s3, store, records).kept_count == 0
    assert live(store, 41)["countriesRestrictions"] == UNREADABLE


def test_one_that_cannot_be_read_gives_way_to_another(s3: "S3Client", store: RecipeStore) -> None:
    records = offers(40)
    records[0]["countriesRestrictions"] = UNREADABLE
    go_live(s3, store, records)
    records[0]["status"] = "inactive"
    assert (go_live(s3, store, records).kept_count, live(store, 1)["status"]) == (0, "inactive")


def test_a_rejected_record_that_is_live_stays_as_it_was(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    records = offers(40, name="new")
    records[6]["status"] = "?"
    report = go_live(s3, store, records)
    assert (report.count, report.kept) == (40, ["record 7: no usable status"])
    assert live(store, 7) == offers(40)[6]


def test_one_that_is_nested_too_deeply_does_likewise(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    records = [*offers(6), json.loads(deep_blob(7, 200)), *offers(40)[7:]]
    assert go_live(s3, store, records).kept == ["record 7: nested too deeply"]
    assert live(store, 7) == offers(40)[6]


def test_a_good_version_behind_a_bad_one_counts(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    bad = [{**offers(1)[0], "status": "?"}, {**offers(1)[0], "countriesRestrictions": UNREADABLE}]
    report = go_live(s3, store, [*bad, *offers(40, name="new")])
    assert (report.kept_count, live(store, 1)["name"]) == (0, "new")


DAMAGES: dict[str, Any] = {
    "another type": {"countriesRestrictions": UNREADABLE},
    "null": {"countriesRestrictions": None},
    "words for an amount": {"payin": "much"},
    "no page": {"landingPageUrl": None},
}


@pytest.mark.parametrize("change", DAMAGES.values(), ids=DAMAGES)
def test_a_file_in_which_a_field_is_damaged_is_held_back_until_it_is_forced(
    s3: "S3Client", store: RecipeStore, change: dict[str, Any]
) -> None:
    go_live(s3, store, offers(40))
    with pytest.raises(HeldBack, match=r"RECIPE_MAX_DEFECT_RISE_PERCENT allows 5 %.*--force"):
        go_live(s3, store, offers(40, **change))
    assert live(store, 1) == offers(40)[0]
    assert sync_offers(store, force=True).outcome == "done"


def test_a_renamed_restriction_is_held_back_however_few_have_it(s3: "S3Client", store: RecipeStore) -> None:
    records = offers(100, countriesRestrictions=None)
    records[0]["countriesRestrictions"] = "US"
    go_live(s3, store, records)
    records[0]["restrictedCountries"] = records[0].pop("countriesRestrictions")
    with pytest.raises(HeldBack, match="0 of its records have restricted countries, 1 of those live"):
        go_live(s3, store, records)


def test_a_restriction_that_an_update_took_away_is_no_damage(s3: "S3Client", store: RecipeStore) -> None:
    records = offers(100, countriesRestrictions=None)
    records[0]["countriesRestrictions"] = "US"
    go_live(s3, store, records)
    records[0]["countriesRestrictions"] = None
    change_record(store, OFFERS, 1, json.dumps(records[0]).encode())
    assert go_live(s3, store, records).outcome == "done"


def test_a_few_defects_more_go_live(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(100))
    records = offers(100)
    for record in records[:5]:
        record["payin"] = "much"
    assert go_live(s3, store, records).defect_count == 5


def test_many_records_without_a_restriction_more_are_no_damage(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(10))
    new = [{**offer, "offerId": 100 + offer["offerId"]} for offer in offers(40, countriesRestrictions=None)]
    assert go_live(s3, store, offers(10) + new).count == 50


def test_fewer_records_with_a_restriction_each_are_no_damage(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    assert go_live(s3, store, offers(30)).count == 30


def test_many_rejected_records_are_held_back(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    with pytest.raises(HeldBack, match=r"10 of its 40 records cannot be used, 25.0 % \(0.0 % of those"):
        go_live(s3, store, [*offers(30), *offers(10, status="gone")])


def test_a_file_that_is_held_back_is_not_loaded_again(
    s3: "S3Client", store: RecipeStore, redis_client: redis.Redis
) -> None:
    go_live(s3, store, offers(40))
    for _ in range(2):
        with pytest.raises(HeldBack):
            go_live(s3, store, offers(40, landingPageUrl=None))
    held, last = store.meta(OFFERS).held, redis_client.get("recipe:offers:generations")
    assert held
    with pytest.raises(HeldBack, match="a landing page"):
        sync_offers(store)
    assert redis_client.get("recipe:offers:generations") == last
    assert sync_counts(redis_client, OFFERS)[SyncOutcome.HELD_BACK] == 3


def test_a_limit_that_is_raised_lets_it_go_live(
    s3: "S3Client", store: RecipeStore, settings: SettingsWrapper
) -> None:
    go_live(s3, store, offers(40))
    with pytest.raises(HeldBack):
        go_live(s3, store, offers(40, payin="much"))
    settings.RECIPE_MAX_DEFECT_RISE_PERCENT = 100.0
    assert sync_offers(store).outcome == "done"


def test_another_file_that_is_good_ends_it(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    with pytest.raises(HeldBack):
        go_live(s3, store, offers(40, payin="much"))
    go_live(s3, store, offers(40, name="new"))
    assert (store.meta(OFFERS).held, store.meta(OFFERS).last_error) == (None, None)


def test_the_file_that_is_live_back_in_s3_ends_it(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, offers(40))
    original = s3.get_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz")["Body"].read()
    sync_offers(store)
    with pytest.raises(HeldBack):
        go_live(s3, store, offers(40, payin="much"))
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=original)
    assert (sync_offers(store).outcome, store.meta(OFFERS).held) == ("unchanged", None)


def test_the_command_says_what_is_held_back_and_why(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(40))
    upload(s3, offers(40, landingPageUrl=None))
    answer = command("manage.py", "recipe_sync", "offers", "--json")
    told = json.loads(answer.stdout)["kinds"]["offers"]
    assert (answer.returncode, told["outcome"], told["held_back"]) == (4, "held back", True)
    assert "0 of its records have a landing page, 40 of those live" in told["error"]


def test_the_command_names_what_stays(s3: "S3Client", store: RecipeStore) -> None:
    go_live(s3, store, offers(100))
    records = [*offers(98), []]
    records[6]["countriesRestrictions"] = UNREADABLE
    upload(s3, records)
    answer = command("manage.py", "recipe_sync", "offers")
    assert "offers: stays as it was live: record 7: its countries cannot be read" in answer.stdout
    assert "offers: 2 live records stay that the file lacks" in answer.stdout
