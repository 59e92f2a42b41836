"""How syncs ended is counted, and when S3 was last seen to have what is live."""

import time
from typing import TYPE_CHECKING

import pytest
import redis

from recipes.file.download import CannotReachS3
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.outcomes import SyncOutcome, sync_counts
from recipes.sync.sync import SyncRequest, sync
from tests.recipes.sync.test_sync import upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS


def counted(client: redis.Redis) -> dict[str, int]:
    return {outcome.value: count for outcome, count in sync_counts(client, OFFERS).items() if count}


def test_each_outcome_has_its_count(redis_client: redis.Redis, s3: "S3Client") -> None:
    store = RecipeStore(redis_client)
    with pytest.raises(CannotReachS3):
        sync(SyncRequest(kind=OFFERS), store)
    upload(s3, [{"offerId": 1, "status": "public", "type": "regular"}])
    sync(SyncRequest(kind=OFFERS), store)
    sync(SyncRequest(kind=OFFERS), store)
    upload(s3, [])
    with pytest.raises(RecipeRejected):
        sync(SyncRequest(kind=OFFERS), store)
    assert counted(redis_client) == {"unreachable": 1, "done": 1, "unchanged": 1, "rejected": 1}
    assert not any(sync_counts(redis_client, RecipeKind.CAMPAIGNS).values())


def test_an_unchanged_file_is_a_fresh_one_and_ends_what_was_wrong(
    redis_client: redis.Redis, s3: "S3Client"
) -> None:
    store = RecipeStore(redis_client)
    upload(s3, [{"offerId": 1, "status": "public", "type": "regular"}])
    sync(SyncRequest(kind=OFFERS), store)
    store.amend_meta(OFFERS, checked_at_ms=1, last_error="S3 was away", last_error_at_ms=1)
    before_ms = time.time() * 1000
    assert sync(SyncRequest(kind=OFFERS), store).outcome == "unchanged"
    meta = store.meta(OFFERS)
    assert (meta.checked_at_ms or 0) >= int(before_ms)
    assert meta.last_error is None


def test_a_file_from_disk_says_nothing_of_s3(redis_client: redis.Redis, s3: "S3Client") -> None:
    store = RecipeStore(redis_client)
    upload(s3, [{"offerId": 1, "status": "public", "type": "regular"}])
    sync(SyncRequest(kind=OFFERS), store)
    sync(SyncRequest(kind=OFFERS, from_file=True, force=True), store)
    assert store.meta(OFFERS).checked_at_ms is None
    assert SyncOutcome.DONE in sync_counts(redis_client, OFFERS)
