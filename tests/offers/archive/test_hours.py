"""An hour that is over is one file; what it was made of stays for its readers; old hours go."""

import os
import time
from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from offers.archive import hours as module
from offers.archive.log import ArchiveLog
from offers.archive.partitions import HOUR_MS, Hour, all_files, size
from tests.offers.archive.reading import ALMOST_TWO_MS, NOON_MS, add_at, lids, names, run

DIRECTORY = "date=2025-11-25/hour=13"
WHOLE = f"{DIRECTORY}/{ALMOST_TWO_MS}-0_{ALMOST_TWO_MS + 1}-1.parquet"


def written_long_ago(path: Path, seconds: float) -> None:
    """Let a file be so old."""
    os.utime(path, (time.time() - seconds,) * 2)


def in_two_files(log: ArchiveLog, client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of two files that is not merged yet."""
    with monkeypatch.context() as patched:
        patched.setattr("offers.archive.archive.merge", lambda *_: 0)
        for offset in (0, 1):
            add_at(client, ALMOST_TWO_MS + offset, f"{offset}a", f"{offset}b")
            run(log, root)


def test_an_hour_that_is_over_becomes_one_file(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two_files(archive_log, redis_client, root, monkeypatch)
    assert len(all_files(root)) == 2
    assert run(archive_log, root).merged == 1
    assert all_files(root) == [root / WHOLE]
    assert lids(root) == dict.fromkeys(["0a", "0b", "1a", "1b"], 1)
    assert run(archive_log, root).merged == 0


def test_what_is_merged_stays_for_those_who_read_it_and_does_not_count(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two_files(archive_log, redis_client, root, monkeypatch)
    parts = names(root)
    for age_seconds in (0, module.LONGEST_READ_SECONDS):
        run(archive_log, root)
        written_long_ago(root / WHOLE, age_seconds)
    run(archive_log, root)
    assert set(names(root)) == {*parts, WHOLE}
    assert size(root) == (1, (root / WHOLE).stat().st_size)


def test_what_is_merged_goes_when_nobody_can_read_it_any_more(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two_files(archive_log, redis_client, root, monkeypatch)
    run(archive_log, root)
    written_long_ago(root / WHOLE, module.MERGED_STAY_SECONDS + 1)
    run(archive_log, root)
    assert names(root) == [WHOLE]
    assert len(lids(root)) == 4


def test_an_hour_that_is_merged_again_keeps_what_was_merged_last(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two_files(archive_log, redis_client, root, monkeypatch)
    run(archive_log, root)
    written_long_ago(root / WHOLE, module.MERGED_STAY_SECONDS + 1)
    last_ms = ALMOST_TWO_MS + 2
    add_at(redis_client, last_ms, "late")
    run(archive_log, root)
    again = f"{DIRECTORY}/{ALMOST_TWO_MS}-0_{last_ms}-0.parquet"
    assert names(root) == [WHOLE, again, f"{DIRECTORY}/{last_ms}-0_{last_ms}-0.parquet"]
    assert all_files(root) == [root / again]


def test_an_hour_that_goes_on_is_left_as_it_is(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path
) -> None:
    now_ms = time.time_ns() // 1_000_000
    over = module.over_hours(root, now_ms)
    assert over == []
    add_at(redis_client, now_ms, "a")
    run(archive_log, root)
    assert Hour.of(now_ms) not in module.over_hours(root, now_ms)


def test_an_hour_that_the_archive_is_behind_with_is_not_over(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path
) -> None:
    archive_log.create()
    add_at(redis_client, NOON_MS, "a")
    assert archive_log.complete_until_ms() <= NOON_MS
    run(archive_log, root)
    assert archive_log.complete_until_ms() > NOON_MS + HOUR_MS


def test_old_hours_are_deleted_with_their_days(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, settings: Settings
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "old")
    now_ms = time.time_ns() // 1_000_000
    add_at(redis_client, now_ms, "new")
    run(archive_log, root)
    settings.CLICK_ARCHIVE_DAYS = 1
    run(archive_log, root)
    assert lids(root) == {"new": 1}
    assert not (root / "date=2025-11-25").exists()


def test_an_old_hour_goes_with_what_was_merged(
    archive_log: ArchiveLog,
    redis_client: redis.Redis,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    in_two_files(archive_log, redis_client, root, monkeypatch)
    settings.CLICK_ARCHIVE_DAYS = 1
    assert run(archive_log, root).merged == 1
    assert names(root) == []
    assert size(root) == (0, 0)


def test_an_hour_that_is_needed_stays(root: Path) -> None:
    hour = Hour.of(NOON_MS)
    (root / hour.folder).mkdir(parents=True)
    assert module.forget_old(root, 0, [hour]) == 0
    assert module.forget_old(root, 0, []) == 1
