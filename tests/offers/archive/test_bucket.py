"""Hours that are over go to S3, each as one object of this instance; S3 that is away delays them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from pytest_django import Settings

from devstack.services import LOCALHOST, free_port
from offers.archive.archive import Archived, archive
from offers.archive.bucket import ArchiveBucket, instance_id
from offers.archive.log import ArchiveLog
from tests.offers.archive.reading import ALMOST_TWO_MS, HOUR_MS, add_at, lids, query, status
from tests.offers.impostor import Answer, Impostor

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "click-archive"


@pytest.fixture
def bucket(s3: "S3Client") -> ArchiveBucket:
    """An empty bucket."""
    if BUCKET not in [found["Name"] for found in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    return ArchiveBucket(BUCKET)


def keys(s3: "S3Client") -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_an_hour_that_is_over_is_one_object_of_this_instance(
    archive_log: ArchiveLog,
    redis_client: redis.Redis,
    root: Path,
    bucket: ArchiveBucket,
    s3: "S3Client",
    tmp_path: Path,
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "a", "b")
    assert archive(archive_log, root, 60, bucket).uploaded == 1
    (key,) = keys(s3)
    assert key == f"date=2025-11-25/hour=13/{instance_id(root)}.parquet"
    copy = tmp_path / "copy.parquet"
    s3.download_file(BUCKET, key, str(copy))
    assert query("lid", [copy]) == [("a",), ("b",)]
    assert archive(archive_log, root, 60, bucket).uploaded == 0
    found = status(archive_log).upload
    assert found is not None
    assert found.error is None


def test_an_hour_that_gets_a_click_after_all_replaces_its_object(
    archive_log: ArchiveLog,
    redis_client: redis.Redis,
    root: Path,
    bucket: ArchiveBucket,
    s3: "S3Client",
    tmp_path: Path,
) -> None:
    for offset, lid in enumerate(("a", "b")):
        add_at(redis_client, ALMOST_TWO_MS + offset, lid)
        assert archive(archive_log, root, 60, bucket).uploaded == 1
    (key,) = keys(s3)
    copy = tmp_path / "copy.parquet"
    s3.download_file(BUCKET, key, str(copy))
    assert query("lid", [copy]) == [("a",), ("b",)]


def test_s3_that_is_away_delays_and_deletes_nothing(
    archive_log: ArchiveLog,
    redis_client: redis.Redis,
    root: Path,
    bucket: ArchiveBucket,
    s3: "S3Client",
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.CLICK_ARCHIVE_DAYS = 0
    add_at(redis_client, ALMOST_TWO_MS, "a")
    add_at(redis_client, ALMOST_TWO_MS + HOUR_MS, "b")
    with monkeypatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", f"http://{LOCALHOST}:{free_port()}")
        away = ArchiveBucket(BUCKET)
        assert archive(archive_log, root, 60, away) == Archived(clicks=2)
    assert lids(root) == {"a": 1, "b": 1}
    found = status(archive_log)
    assert (found.backlog, found.write and found.write.error) == (0, None)
    assert found.upload is not None
    assert "CLICK_ARCHIVE_BUCKET" in (found.upload.error or "")
    assert archive(archive_log, root, 60, bucket).uploaded == 2
    assert len(keys(s3)) == 2
    assert lids(root) == {}


def test_nobody_but_s3_takes_an_hour(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "a")
    with Impostor(Answer(b"<html>Back soon</html>")) as impostor:
        monkeypatch.setenv("AWS_ENDPOINT_URL", impostor.url)
        assert archive(archive_log, root, 60, ArchiveBucket(BUCKET)).uploaded == 0
    found = status(archive_log).upload
    assert found is not None
    assert found.error


def test_when_an_instance_ends_its_last_hour_goes_too_and_is_replaced_where_it_goes_on(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, bucket: ArchiveBucket, s3: "S3Client"
) -> None:
    for lid in ("a", "b"):
        redis_client.xadd("clicks", {"click": f'{{"lid":"{lid}","dateAdded":1}}', "unique": "1"})
        assert archive(archive_log, root, 60, bucket).uploaded == 0
        assert archive(archive_log, root, 60, bucket, is_end=True).uploaded == 1
    assert len(keys(s3)) <= 2
    assert lids(root) == {"a": 1, "b": 1}


def test_the_id_of_an_archive_stays(root: Path) -> None:
    root.mkdir()
    assert instance_id(root) == instance_id(root)
    assert len(instance_id(root)) == 32
