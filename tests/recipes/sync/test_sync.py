"""A sync from S3 into Redis: real HTTP to a real S3, a real Redis, and every way to fail."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from pytest_django.fixtures import Settings as SettingsWrapper

from devstack.services import free_port
from recipes.file.download import CannotKeepFile, CannotReachS3, local_path
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta, SwapRefused
from recipes.sync.sync import SyncReport, SyncRequest, check, sync
from tests.recipe import change_record, offer_blob, temporary_files

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


def offer(offer_id: int, **fields: Any) -> dict[str, Any]:
    return {"offerId": offer_id, "status": "public", "type": "regular", **fields}


def upload(s3: "S3Client", records: object, **options: Any) -> None:
    put(s3, gzip.compress(json.dumps(records).encode()), **options)


def put(s3: "S3Client", data: bytes, **options: Any) -> None:
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=data, **options)


def sync_offers(store: RecipeStore, **options: Any) -> SyncReport:
    return sync(SyncRequest(kind=OFFERS, **options), store)


def test_what_is_in_s3_goes_live(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1, name="one"), offer(2)])
    report = sync_offers(store)
    assert (report.outcome, report.count, report.source) == ("done", 2, "S3")
    blob = store.get(OFFERS, 1)
    assert blob
    assert json.loads(blob)["name"] == "one"


def test_the_metadata_tells_what_is_live(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1)])
    sync_offers(store, announced_size=12345)
    meta, head = store.meta(OFFERS), s3.head_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz")
    assert (meta.count, meta.announced_size, meta.source, meta.last_error) == (1, 12345, "S3", None)
    assert (meta.etag, meta.size_bytes) == (head["ETag"], head["ContentLength"])
    assert meta.last_modified_ms == head["LastModified"].timestamp() * 1000


def test_the_file_is_kept_with_its_time_in_s3(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1)])
    before = temporary_files(OFFERS)
    sync_offers(store)
    assert gzip.decompress(local_path(OFFERS).read_bytes()) == json.dumps([offer(1)]).encode()
    assert local_path(OFFERS).stat().st_mtime_ns // 1_000_000 == store.meta(OFFERS).last_modified_ms
    assert temporary_files(OFFERS) == before


def test_an_unchanged_file_is_not_loaded_again(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1)])
    first, second = sync_offers(store), sync_offers(store)
    assert (second.outcome, second.generation) == ("unchanged", first.generation)


def test_a_new_announcement_of_an_unchanged_file_is_remembered(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1)])
    sync_offers(store)
    sync_offers(store, announced_size=77)
    assert store.meta(OFFERS).announced_size == 77


def test_force_loads_an_unchanged_file_again(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1)])
    first, second = sync_offers(store), sync_offers(store, force=True)
    assert (second.outcome, second.generation > first.generation) == ("done", True)


def test_a_flushed_redis_heals_from_the_file_on_disk(
    s3: "S3Client", store: RecipeStore, redis_client: redis.Redis
) -> None:
    upload(s3, [offer(1)])
    sync_offers(store)
    redis_client.flushall()
    assert sync_offers(store, from_file=True).outcome == "done"
    assert sync_offers(store, from_file=True).outcome == "unchanged"
    assert sync_offers(store).outcome == "unchanged"


def test_records_that_cannot_be_used_are_counted_by_reason(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1), offer(2, status="?"), offer(0), {}, offer(3, payin="much")])
    report, meta = sync_offers(store), store.meta(OFFERS)
    assert report.rejected == {"no usable status": 1, "no usable offerId": 2}
    assert meta.rejections[0] == "record 2 (id 2): no usable status"
    assert [(d.record_id, d.field, d.value) for d in meta.defects] == [(3, "payin", "much")]


def test_of_records_with_one_id_the_last_wins(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1, name="first"), offer(1, name="last")])
    report = sync_offers(store)
    assert (report.count, report.duplicates) == (1, 1)
    assert b"last" in (store.get(OFFERS, 1) or b"")


def test_unknown_fields_are_kept(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1, colour={"of": "the sky"})])
    sync_offers(store)
    assert b'"colour": {"of": "the sky"}' in (store.get(OFFERS, 1) or b"")


BAD_FILES = {
    "truncated": gzip.compress(json.dumps([offer(1)]).encode())[:-9],
    "corrupt": gzip.compress(json.dumps([offer(1)]).encode())[:-8] + b"\0" * 8,
    "no gzip": b"hello",
    "no JSON": gzip.compress(b"[{]"),
    "of another shape": gzip.compress(b'{"offers": []}'),
    "empty": b"",
    "without records": gzip.compress(b"[]"),
    "without a usable record": gzip.compress(b'[{"offerId": 1}]'),
    "broken after many good records": gzip.compress(
        json.dumps([offer(n) for n in range(1, 9000)]).encode()[:-1] + b", {]"
    ),
}


@pytest.mark.parametrize("data", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_leaves_everything_as_it_was(
    s3: "S3Client", store: RecipeStore, redis_client: redis.Redis, data: bytes
) -> None:
    upload(s3, [offer(1), offer(2)])
    sync_offers(store)
    live, on_disk = store.meta(OFFERS).generation, local_path(OFFERS).read_bytes()
    put(s3, data)
    with pytest.raises(RecipeRejected) as caught:
        sync_offers(store)
    meta = store.meta(OFFERS)
    assert (meta.generation, meta.last_error) == (live, str(caught.value))
    assert local_path(OFFERS).read_bytes() == on_disk
    assert list(redis_client.keys("recipe:offers:[0-9]*")) == [f"recipe:offers:{live}".encode()]


def test_the_next_good_file_clears_the_error(s3: "S3Client", store: RecipeStore) -> None:
    put(s3, b"hello")
    with suppress(RecipeRejected):
        sync_offers(store)
    upload(s3, [offer(1)])
    sync_offers(store)
    assert store.meta(OFFERS).last_error is None


def test_an_oversized_file_is_rejected(s3: "S3Client", store: RecipeStore, settings: SettingsWrapper) -> None:
    settings.RECIPE_MAX_BYTES = 50
    upload(s3, [offer(1), offer(2)])
    with pytest.raises(RecipeRejected, match="more than the 50 bytes allowed"):
        sync_offers(store)


def test_a_recipe_that_drops_too_many_records_is_held_back(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(n) for n in range(1, 11)])
    sync_offers(store)
    upload(s3, [offer(n) for n in range(1, 5)])
    with pytest.raises(RecipeRejected, match=r"60 % fewer.*--force"):
        sync_offers(store)
    assert store.live_count(OFFERS) == 10
    assert sync_offers(store, force=True).count == 4


def test_half_of_the_records_may_go(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(n) for n in range(1, 11)])
    sync_offers(store)
    upload(s3, [offer(n) for n in range(1, 6)])
    assert sync_offers(store).count == 5


def test_a_dry_run_changes_nothing(s3: "S3Client", store: RecipeStore, redis_client: redis.Redis) -> None:
    upload(s3, [offer(1)])
    report = check(SyncRequest(kind=OFFERS), store)
    assert (report.outcome, report.count) == ("checked", 1)
    assert (redis_client.keys("*"), local_path(OFFERS).exists()) == ([], False)


def test_a_missing_object_says_what_to_check(s3: "S3Client", store: RecipeStore) -> None:
    with pytest.raises(CannotReachS3, match="check S3_OFFERS_RECIPE_PATH"):
        sync_offers(store)


def test_a_missing_bucket_says_what_to_check(
    s3: "S3Client", store: RecipeStore, settings: SettingsWrapper
) -> None:
    settings.S3_BUCKET_NAME = "no-such-bucket"
    with pytest.raises(CannotReachS3, match="check S3_BUCKET_NAME"):
        sync_offers(store)


def test_an_unreachable_s3_says_what_to_check(store: RecipeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(CannotReachS3, match="AWS_ENDPOINT_URL"):
        sync_offers(store)
    assert "AWS_ENDPOINT_URL" in (store.meta(OFFERS).last_error or "")


def test_a_disk_that_takes_no_file_is_not_blamed_on_others(
    s3: "S3Client", store: RecipeStore, settings: SettingsWrapper, tmp_path: Path
) -> None:
    upload(s3, [offer(1)])
    (tmp_path / "a file").touch()
    settings.OFFERS_RECIPE_PATH = str(tmp_path / "a file" / "offers.json.gz")
    with pytest.raises(CannotKeepFile, match="check the space and the rights there"):
        sync_offers(store)
    assert store.meta(OFFERS).generation == 0
    assert "cannot write" in (store.meta(OFFERS).last_error or "")


def test_without_a_file_on_disk_it_says_how_to_get_one(store: RecipeStore) -> None:
    with pytest.raises(RecipeRejected, match="without --from-file"):
        sync_offers(store, from_file=True)


def test_an_update_meanwhile_survives_the_load(s3: "S3Client", store: RecipeStore) -> None:
    upload(s3, [offer(1, name="from the file")])
    sync_offers(store)
    change_record(store, OFFERS, 1, offer_blob(1, name="updated"))
    sync_offers(store, force=True)
    assert b"updated" in (store.get(OFFERS, 1) or b"")


def test_no_record_is_ever_missing_while_recipes_are_swapped(
    s3: "S3Client", store: RecipeStore, redis_url: str
) -> None:
    upload(s3, [offer(n) for n in range(1, 3000)])
    sync_offers(store)
    missing, stop = [], threading.Event()

    def read_all_the_time() -> None:
        with redis.Redis.from_url(redis_url) as client:
            reader = RecipeStore(client)
            while not stop.is_set():
                if reader.get(OFFERS, 2999) is None:
                    missing.append(1)

    thread = threading.Thread(target=read_all_the_time)
    thread.start()
    for _ in range(5):
        sync_offers(store, force=True)
    stop.set()
    thread.join()
    assert missing == []


def test_a_generation_that_lost_records_does_not_go_live(store: RecipeStore) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    with pytest.raises(SwapRefused, match="flushed or restarted"):
        store.swap(writer, RecipeMeta(count=2))
    assert store.meta(OFFERS).generation == 0


def test_the_old_generation_forgets_itself_and_the_live_one_does_not(
    s3: "S3Client", store: RecipeStore, redis_client: redis.Redis
) -> None:
    upload(s3, [offer(1)])
    old, new = sync_offers(store).generation, sync_offers(store, force=True).generation
    assert 0 < redis_client.ttl(f"recipe:offers:{old}") <= 60
    assert redis_client.ttl(f"recipe:offers:{new}") == -1


def test_generations_that_nobody_would_forget_are_forgotten(
    store: RecipeStore, redis_client: redis.Redis
) -> None:
    writer = store.begin(OFFERS)
    writer.add({1: offer_blob(1)})
    redis_client.persist(writer.key)
    assert store.forget_old_generations() == 1
