"""What the overview says of the archive: behind, stuck, not in S3, or with clicks missing."""

from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from offers.archive.archive import archive
from offers.archive.log import ArchiveLog
from tests.cotraffic.diagnostics.looking import now_ms, parts


@pytest.fixture
def log(redis_client: redis.Redis, settings: Settings, tmp_path: Path) -> ArchiveLog:
    settings.CLICK_ARCHIVE_DIR = str(tmp_path / "archive")
    return ArchiveLog(redis_client)


def test_an_archive_that_keeps_up_is_well(log: ArchiveLog, redis_client: redis.Redis, tmp_path: Path) -> None:
    redis_client.xadd("clicks", {"click": '{"lid":"a","dateAdded":1}', "unique": "1"})
    archive(log, tmp_path / "archive", 60)
    found = parts()["archive"]
    assert found.state == "ok"
    assert {fact.label: fact.text for fact in found.facts}["Archived"] == "1"


def test_clicks_that_wait_for_it_too_long_are_told(log: ArchiveLog, redis_client: redis.Redis) -> None:
    redis_client.xadd("clicks", {"click": "{}", "unique": "0"}, id=f"{now_ms() - 7_300_000}-0")
    log.create()
    found = parts()["archive"]
    assert (found.state, "the oldest for 2 h" in found.sentence) == ("error", True)


def test_a_full_disk_is_told(log: ArchiveLog) -> None:
    log.create()
    log.note_write("No space left on device; check CLICK_ARCHIVE_DIR and its disk")
    found = parts()["archive"]
    assert (found.state, "No space left" in found.sentence) == ("error", True)


def test_an_s3_that_is_away_is_told(log: ArchiveLog) -> None:
    log.create()
    log.note_upload("no answer; check CLICK_ARCHIVE_BUCKET")
    found = parts()["archive"]
    assert (found.state, "CLICK_ARCHIVE_BUCKET" in found.sentence) == ("warning", True)


def test_clicks_that_it_misses_are_told(log: ArchiveLog, redis_client: redis.Redis) -> None:
    log.create()
    redis_client.hset("clicks:totals", "archive_dropped", 3)
    found = parts()["archive"]
    assert (found.state, found.sentence) == ("warning", "3 clicks are missing in it.")


def test_no_archive_is_no_trouble(settings: Settings) -> None:
    settings.CLICK_ARCHIVE = "off"
    assert parts()["archive"].state == "off"
