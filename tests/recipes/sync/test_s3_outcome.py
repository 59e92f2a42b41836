"""What staff sees of S3: how the last look at it went, and when one last went well."""

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import redis

from devstack.services import free_port
from recipes.file.download import CannotReachS3, local_path
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.sync import SyncRequest, sync

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS
ONE_OFFER = gzip.compress(b'[{"offerId": 1, "status": "public", "type": "regular"}]')


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


def put(s3: "S3Client", data: bytes) -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=data)


def test_nobody_looked_yet(store: RecipeStore) -> None:
    assert store.s3_outcome() is None


def test_a_sync_from_s3_is_well(s3: "S3Client", store: RecipeStore) -> None:
    put(s3, ONE_OFFER)
    sync(SyncRequest(kind=OFFERS), store)
    outcome = store.s3_outcome()
    assert outcome is not None
    assert (outcome.error, outcome.well_at_ms) == (None, outcome.at_ms)


def test_a_file_of_no_use_is_not_blamed_on_s3(s3: "S3Client", store: RecipeStore) -> None:
    put(s3, b"no gzip")
    with pytest.raises(RecipeRejected):
        sync(SyncRequest(kind=OFFERS), store)
    outcome = store.s3_outcome()
    assert outcome is not None
    assert outcome.error is None


def test_an_s3_that_is_away_keeps_the_time_it_was_well(
    s3: "S3Client", store: RecipeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, ONE_OFFER)
    sync(SyncRequest(kind=OFFERS), store)
    before = store.s3_outcome()
    assert before is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(CannotReachS3):
        sync(SyncRequest(kind=OFFERS), store)
    after = store.s3_outcome()
    assert after is not None
    assert "AWS_ENDPOINT_URL" in (after.error or "")
    assert after.well_at_ms == before.at_ms


def test_a_load_from_the_file_says_nothing_of_s3(s3: "S3Client", store: RecipeStore) -> None:
    put(s3, ONE_OFFER)
    sync(SyncRequest(kind=OFFERS), store)
    before = store.s3_outcome()
    sync(SyncRequest(kind=OFFERS, from_file=True, force=True), store)
    assert store.s3_outcome() == before
