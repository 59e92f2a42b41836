"""A recipe that is live, with clicks on it, and another one in S3."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import redis

from offers.click_log.stream import ClickLog
from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.sync import SyncRequest, sync
from tests.offers.logged import add, names

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS, CAMPAIGNS = RecipeKind.OFFERS, RecipeKind.CAMPAIGNS
Upload = Callable[..., None]


@pytest.fixture
def upload(s3: "S3Client") -> Upload:
    """Puts so many offers into S3."""

    def put(count: int, kind: RecipeKind = OFFERS, **fields: Any) -> None:
        usual = {"status": "public", "type": "regular", "landingPageUrl": "https://a.example/"}
        records = [{kind.id_field: n, **usual, **fields} for n in range(1, count + 1)]
        body = gzip.compress(json.dumps(records).encode(), mtime=0)
        s3.put_object(Bucket="co-recipe-staging", Key=f"{kind}Recipe.json.gz", Body=body)

    return put


@pytest.fixture
def store(upload: Upload, redis_client: redis.Redis, transactional_db: None) -> Iterator[RecipeStore]:
    """Ten offers and a campaign are live, and clicks on offer 9 are in the log."""
    store = RecipeStore(redis_client)
    upload(10)
    upload(1, CAMPAIGNS, campaignStatus="active")
    for kind in RecipeKind:
        sync(SyncRequest(kind=kind), store)
    add(ClickLog(redis_client), *names(8), offerId=9, campaignId=1, country="US")
    yield store
    for kind in RecipeKind:
        local_path(kind).unlink(missing_ok=True)
