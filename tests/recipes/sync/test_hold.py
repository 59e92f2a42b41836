"""Recipes that wait for a person, and the one file that a person has decided on."""

import gzip
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis

from recipes.file.download import FileChanged, etag_in_s3, local_path
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import Hold
from recipes.sync import hold
from recipes.sync.hold import OnHold
from recipes.sync.sync import SyncReport, SyncRequest, sync
from recipes.tasks import sync_from_s3
from tests.processes import command

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(s3: "S3Client", redis_client: redis.Redis) -> Iterator[RecipeStore]:
    """Ten offers are live, and S3 has nine."""
    store = RecipeStore(redis_client)
    upload(s3, 10)
    sync_offers(store)
    upload(s3, 9)
    yield store
    local_path(OFFERS).unlink(missing_ok=True)


def upload(s3: "S3Client", count: int) -> None:
    offers = [{"offerId": n, "status": "public", "type": "regular"} for n in range(1, count + 1)]
    body = gzip.compress(json.dumps(offers).encode(), mtime=0)
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)


def sync_offers(store: RecipeStore, **options: Any) -> SyncReport:
    return sync(SyncRequest(kind=OFFERS, **options), store)


def test_syncs_wait_while_somebody_reads_the_preview(store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    with pytest.raises(OnHold, match="alice is looking at what the file in S3 would change"):
        sync_offers(store)
    sync_from_s3()
    assert (store.live_count(OFFERS), store.meta(OFFERS).last_error) == (10, None)


def test_a_review_ends_by_itself(store: RecipeStore) -> None:
    store.hold(OFFERS, Hold("alice", since_ms=0, until_ms=1))
    assert sync_offers(store).count == 9


def test_a_file_that_was_left_does_not_go_live_and_the_next_one_does(
    s3: "S3Client", store: RecipeStore
) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    with pytest.raises(OnHold, match=r"alice decided at .* to leave the file"):
        sync_offers(store)
    upload(s3, 8)
    assert (sync_offers(store).count, store.held(OFFERS)) == (8, None)


def test_a_file_that_was_left_stays_left_when_it_is_looked_at_again(store: RecipeStore) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    hold.hold_for_review(OFFERS, store, "bob")
    hold.end_review(OFFERS, store)
    with pytest.raises(OnHold, match="alice decided"):
        sync_offers(store)


@pytest.mark.parametrize("options", [{"force": True}, {"from_file": True, "force": True}])
def test_force_and_healing_from_the_file_wait_for_nobody(store: RecipeStore, options: Any) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    assert sync_offers(store, **options).outcome == "done"


def test_an_empty_redis_waits_for_nobody(store: RecipeStore, redis_client: redis.Redis) -> None:
    redis_client.flushall()
    hold.hold_for_review(OFFERS, store, "alice")
    assert sync_offers(store).count == 9


def test_the_file_that_was_decided_on_goes_live_and_ends_the_hold(store: RecipeStore) -> None:
    hold.leave(OFFERS, store, etag_in_s3(OFFERS), "alice")
    assert sync_offers(store, wanted_etag=etag_in_s3(OFFERS)).count == 9
    assert store.held(OFFERS) is None


def test_another_file_than_the_one_decided_on_is_refused(s3: "S3Client", store: RecipeStore) -> None:
    etag = etag_in_s3(OFFERS)
    upload(s3, 8)
    with pytest.raises(FileChanged, match="another file than the one that was previewed"):
        sync_offers(store, wanted_etag=etag, force=True)
    assert (store.live_count(OFFERS), store.meta(OFFERS).last_error) == (10, None)


def test_the_file_decided_on_still_needs_force_where_too_much_is_gone(
    s3: "S3Client", store: RecipeStore
) -> None:
    upload(s3, 2)
    with pytest.raises(RecipeRejected, match=r"80 % fewer"):
        sync_offers(store, wanted_etag=etag_in_s3(OFFERS))
    assert sync_offers(store, wanted_etag=etag_in_s3(OFFERS), force=True).count == 2


def test_the_command_says_for_whom_it_waits(store: RecipeStore) -> None:
    hold.hold_for_review(OFFERS, store, "alice")
    answer = command("manage.py", "recipe_sync", "offers")
    assert (answer.returncode, "on hold" in answer.stdout, "alice" in answer.stderr) == (4, True, True)
