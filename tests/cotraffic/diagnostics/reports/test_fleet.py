"""Reports over all instances: the hours that S3 has, copied to a bounded cache on this disk."""

import asyncio
import json
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client
from pytest_django import Settings

from cotraffic.diagnostics.reports import fleet
from cotraffic.diagnostics.reports.types import ReportProblem, TimeRange
from devstack.services import LOCALHOST, free_port
from offers.archive.parquet import ClickParquet
from offers.archive.partitions import HOUR_MS, Hour
from tests.offers.archive.reading import lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REPORTS = "/admin/diagnostics/reports/"
BUCKET = "archive-of-all"
NOW_MS = int(time.time() * 1000)
# Three hours that are over, as an address has them.
START_MS = (NOW_MS // HOUR_MS - 3) * HOUR_MS
WHOLE = TimeRange(START_MS, START_MS + 3 * HOUR_MS)
Put = Callable[..., str]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("root")]


def address(scope: str = "all", hours: int = 3, **more: str) -> str:
    begin, end = (
        datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")
        for ms in (START_MS, START_MS + hours * HOUR_MS)
    )
    fields = {"scope": scope, "from": begin, "to": end, "zone": "UTC", **more}
    return "?" + "&".join(f"{name}={value}" for name, value in fields.items())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, settings: Settings) -> Path:
    settings.CLICK_ARCHIVE_BUCKET = BUCKET
    settings.REPORT_CACHE_DIR = str(tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def put(s3: "S3Client", tmp_path: Path) -> Put:
    """Put one hour of an instance into the bucket; returns its key."""
    if BUCKET not in [found["Name"] for found in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])

    def put(instance: str, hour: int, *lids: str, **fields: object) -> str:
        at_ms = START_MS + hour * HOUR_MS + 1000
        records = [json.dumps({"lid": lid, "dateAdded": at_ms, "offerId": 101, **fields}) for lid in lids]
        with ClickParquet(tmp_path / "made") as parquet:
            parquet.load(lines(*records))
            parquet.write(tmp_path / "made" / "hour.parquet")
        key = f"{Hour.of(at_ms).folder}/{instance}.parquet"
        s3.upload_file(str(tmp_path / "made" / "hour.parquet"), BUCKET, key)
        return key

    return put


def fetched(query: str, client: Client) -> list[dict[str, Any]]:
    """What the copying says, step by step, in the event loop in which it is done, as by the server."""

    async def steps() -> list[dict[str, Any]]:
        reader = AsyncClient()
        reader.cookies = client.cookies
        answer: Any = await reader.get(f"{REPORTS}fetch/{query}")
        content = b"".join([piece async for piece in answer])
        return [json.loads(line) for line in content.splitlines()]

    return async_to_sync(steps)()


def shown(client: Client, query: str, status: int = 200) -> str:
    answer = client.get(REPORTS + query)
    assert answer.status_code == status
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def test_a_report_counts_what_all_instances_have_sent(put: Put, staff_client: Client) -> None:
    put("one", 0, "a", "b")
    put("two", 1, "c")
    page = shown(staff_client, address(by="offer"))
    assert "2 files of 2 instances" in page
    steps = fetched(address(), staff_client)
    assert steps[0] == {"files": 0, "of_files": 2, "bytes": 0, "of_bytes": steps[0]["of_bytes"]}
    assert (steps[-2]["files"], steps[-2]["bytes"]) == (2, steps[0]["of_bytes"])
    assert steps[-1] == {"done": True}
    page = shown(staff_client, address(by="offer"))
    assert "3 clicks" in page
    assert "All instances: 2 files of 2 instances, the newest of the hour from 20" in page
    assert "3 clicks, the newest first" in shown(staff_client, f"clicks/{address()}")
    found = staff_client.get(f"{REPORTS}values/{address(dimension='offer')}").json()["values"]
    assert [value["clicks"] for value in found] == [3]


def test_what_is_on_this_disk_is_not_copied_again(put: Put, staff_client: Client, cache: Path) -> None:
    put("one", 0, "a")
    fetched(address(), staff_client)
    (copy,) = cache.glob("*.parquet")
    written = copy.stat().st_mtime_ns, copy.stat().st_ino
    put("one", 1, "b")
    assert fetched(address(), staff_client)[0]["of_files"] == 1
    assert copy.stat().st_ino == written[1]


def test_a_form_that_suggests_does_not_list_the_bucket_each_time(
    put: Put, staff_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("one", 0, "a")
    fetched(address(), staff_client)
    assert "1 click" in shown(staff_client, address())
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", f"http://{LOCALHOST}:{free_port()}")
        assert staff_client.get(f"{REPORTS}values/{address(dimension='offer')}").status_code == 200
        away.setattr(fleet, "LOOK_AGAIN_SECONDS", 0)
        assert staff_client.get(f"{REPORTS}values/{address(dimension='offer')}").status_code == 503


def test_an_hour_that_was_sent_again_is_copied_anew(put: Put, staff_client: Client) -> None:
    put("one", 0, "a")
    fetched(address(), staff_client)
    put("one", 0, "a", "b", "c")
    fetched(address(), staff_client)
    assert "3 clicks" in shown(staff_client, address())


def test_only_hours_of_the_time_are_copied(put: Put, staff_client: Client, cache: Path) -> None:
    put("one", -1, "a")
    put("one", 0, "b")
    fetched(address(), staff_client)
    assert len(list(cache.glob("*.parquet"))) == 1


def test_other_objects_of_the_bucket_are_left_alone(put: Put, staff_client: Client, s3: "S3Client") -> None:
    hour = put("one", 0, "a").rpartition("/")[0]
    for key in (f"{hour}/../../x.parquet", f"{hour}/deep/x.parquet", f"{hour}/notes.txt"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"junk")
    assert fetched(address(), staff_client)[0]["of_files"] == 1


def test_this_instance_needs_no_bucket(put: Put, staff_client: Client, redis_client: redis.Redis) -> None:
    put("one", 0, "a")
    assert "0 clicks" in shown(staff_client, address(""))


def test_a_time_without_files_says_so(put: Put, staff_client: Client) -> None:
    assert "S3 has no file of this time" in shown(staff_client, address())


def test_the_copies_used_longest_ago_make_room(
    put: Put, staff_client: Client, cache: Path, settings: Settings
) -> None:
    put("one", 0, "a")
    fetched(address(hours=1), staff_client)
    (old,) = cache.glob("*.parquet")
    settings.REPORT_CACHE_BYTES = int(old.stat().st_size * 1.5)
    put("one", 0)
    put("two", 0, "b")
    # A report may be reading it still.
    assert "Try again in some minutes" in fetched(address(hours=1), staff_client)[-1]["problem"]
    long_ago = time.time() - fleet.KEPT_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    settings.REPORT_CACHE_BYTES *= 2
    fetched(address(hours=1), staff_client)
    assert sum(path.stat().st_size for path in cache.glob("*.parquet")) <= settings.REPORT_CACHE_BYTES


def test_more_than_the_cache_takes_is_told(put: Put, staff_client: Client, settings: Settings) -> None:
    put("one", 0, "a")
    settings.REPORT_CACHE_BYTES = 100
    assert "Choose a shorter time" in fetched(address(), staff_client)[-1]["problem"]


def test_a_bucket_that_is_not_there_is_told_in_words(
    s3: "S3Client", staff_client: Client, settings: Settings
) -> None:
    settings.CLICK_ARCHIVE_BUCKET = "no-such-bucket"
    page = shown(staff_client, address(), 503)
    assert "S3 does not give the archive now" in page
    assert "check CLICK_ARCHIVE_BUCKET (no-such-bucket) and the permissions s3:ListBucket and" in page
    assert "S3 does not give the archive now" in fetched(address(), staff_client)[-1]["problem"]


def test_an_s3_that_is_away_is_told_in_words(staff_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{LOCALHOST}:{free_port()}")
    assert "S3 does not give the archive now" in shown(staff_client, address(), 503)
    assert staff_client.get(f"{REPORTS}values/{address(dimension='offer')}").status_code == 503
    assert staff_client.get(f"{REPORTS}download/{address()}").status_code == 503


def test_a_disk_that_takes_no_copy_is_told(
    put: Put, staff_client: Client, settings: Settings, tmp_path: Path
) -> None:
    put("one", 0, "a")
    (tmp_path / "file").write_text("no directory")
    settings.REPORT_CACHE_DIR = str(tmp_path / "file" / "cache")
    assert "Check REPORT_CACHE_DIR" in shown(staff_client, address(), 503)


def test_a_slow_s3_ends(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "LOOK_SECONDS", 0.01)
    with pytest.raises(ReportProblem, match="took longer than"):
        asyncio.run(fleet.look(WHOLE))


def test_without_a_bucket_there_is_nothing_to_choose(
    staff_client: Client, settings: Settings, redis_client: redis.Redis
) -> None:
    settings.CLICK_ARCHIVE_BUCKET = ""
    assert "all instances" not in shown(staff_client, "")
    assert "read from CLICK_ARCHIVE_BUCKET, which is not set" in shown(staff_client, address(), 400)
    assert staff_client.get(f"{REPORTS}fetch/{address()}").status_code == 400


def test_a_scope_that_is_none_is_told(staff_client: Client) -> None:
    assert "scope is all, for all instances" in shown(staff_client, "?scope=some", 400)
