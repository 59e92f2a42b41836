"""Beat and worker as real processes: what keeps an instance true when nobody tells it anything."""

import gzip
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from subprocess import Popen
from typing import TYPE_CHECKING

import pytest
import redis

from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.processes import DEADLINE_SECONDS, running, wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS
OFTEN = {"RECIPE_SYNC_SECONDS": "0.5", "RECIPE_RELOAD_SECONDS": "0.5"}
CELERY = ("-m", "celery", "-A", "cotraffic")


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


@contextmanager
def beat_and_worker() -> Iterator[Popen[bytes]]:
    """Both processes; gives the worker."""
    with ExitStack() as stack:
        stack.enter_context(running(*CELERY, "beat", "--pidfile=", **OFTEN))
        yield stack.enter_context(running(*CELERY, "worker", "--concurrency", "1", **OFTEN))


def upload(s3: "S3Client", *offer_ids: int) -> None:
    offers = [{"offerId": offer_id, "status": "public", "type": "regular"} for offer_id in offer_ids]
    body = gzip.compress(json.dumps(offers).encode())
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)


def test_a_change_in_s3_goes_live_although_nobody_announces_it(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, 1)
    with beat_and_worker():
        wait_until(lambda: store.live_count(OFFERS) == 1, what="the first load")
        upload(s3, 1, 2)
        wait_until(lambda: store.live_count(OFFERS) == 2, what="the second load")


def test_a_worker_that_starts_does_not_wait_for_the_first_beat(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, 1)
    with running(*CELERY, "worker", "--concurrency", "1"):
        wait_until(lambda: store.live_count(OFFERS) == 1, what="the first load")


def test_a_flushed_redis_heals_without_s3(
    s3: "S3Client", store: RecipeStore, redis_client: redis.Redis
) -> None:
    upload(s3, 1, 2, 3)
    with beat_and_worker():
        wait_until(lambda: store.live_count(OFFERS) == 3, what="the first load")
        s3.delete_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz")
        redis_client.flushall()
        wait_until(lambda: store.live_count(OFFERS) == 3, what="healing")


def test_a_worker_stops_when_asked_to(store: RecipeStore) -> None:
    with beat_and_worker() as worker:
        # There may be files of other tests, or nothing at all.
        wait_until(lambda: store.live_count(OFFERS) or store.meta(OFFERS).last_error, what="a first task")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(DEADLINE_SECONDS) == 0
