"""Every click of the log is in the archive once, whatever dies; what cannot be written stays in the log."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from offers.archive import archive as module
from offers.archive import log as log_module
from offers.archive.archive import Archived
from offers.archive.log import ArchiveBatch, ArchiveLog
from offers.click_log.stream import ClickLog
from tests.offers.archive.reading import (
    ALMOST_TWO_MS,
    HOUR_MS,
    NOON_MS,
    add_at,
    lids,
    names,
    query,
    run,
    status,
)
from tests.offers.logged import add, redis_away

FIRST, SECOND = (
    f"{ALMOST_TWO_MS}-0_{ALMOST_TWO_MS}-1.parquet",
    f"{ALMOST_TWO_MS + 20}-0_{ALMOST_TWO_MS + 20}-0.parquet",
)


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_every_click_is_archived_once_and_acknowledged(
    archive_log: ArchiveLog, log: ClickLog, root: Path
) -> None:
    add(log, *map(str, range(100)), dateAdded=NOON_MS)
    assert run(archive_log, root).clicks == 100
    assert lids(root) == dict.fromkeys(map(str, range(100)), 1)
    found = status(archive_log)
    assert (found.backlog, found.archived, found.oldest_age_seconds) == (0, 100, None)
    assert found.write is not None
    assert found.write.error is None


def test_what_comes_while_it_is_archived_waits_for_the_next_run(
    archive_log: ArchiveLog, log: ClickLog, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run among steady clicks would write a small file for those of a moment, again and again."""
    acknowledge = archive_log.acknowledge

    def acknowledge_late(batch: ArchiveBatch, *of: Any) -> None:
        add(log, f"came behind {batch.after}", dateAdded=NOON_MS)
        acknowledge(batch, *of)

    monkeypatch.setattr(module, "BATCH_CLICKS", 50)
    add(log, *map(str, range(120)), dateAdded=NOON_MS)
    with monkeypatch.context() as patched:
        patched.setattr(archive_log, "acknowledge", acknowledge_late)
        assert run(archive_log, root).clicks == 120
    assert len(names(root)) == 3
    assert run(archive_log, root).clicks == 3
    assert set(lids(root).values()) == {1}


def test_clicks_lie_by_the_hour_in_which_they_were_written_down(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "a", "b")
    add_at(redis_client, ALMOST_TWO_MS + 20, "c")
    run(archive_log, root)
    assert names(root) == [f"date=2025-11-25/hour=13/{FIRST}", f"date=2025-11-25/hour=14/{SECOND}"]


def test_a_run_that_died_before_it_acknowledged_writes_the_same_files_again(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "a", "b")
    add_at(redis_client, ALMOST_TWO_MS + 20, "c")
    with monkeypatch.context() as patched:
        patched.setattr(archive_log, "acknowledge", fail)
        run(archive_log, root)
    before = names(root)
    damaged = root / before[0]
    damaged.write_bytes(b"what a power cut left of it")
    add_at(redis_client, ALMOST_TWO_MS + 30, "d")
    run(archive_log, root)
    assert lids(root) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert before[0] in names(root)


def test_a_click_that_came_through_the_log_and_the_spool_is_archived_once(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path
) -> None:
    add_at(redis_client, ALMOST_TWO_MS, "a", "b")
    run(archive_log, root)
    # Its answer was lost, so it comes again, in another hour and beside others.
    add_at(redis_client, ALMOST_TWO_MS + 2 * HOUR_MS, "a", came_ms=ALMOST_TWO_MS)
    add_at(redis_client, ALMOST_TWO_MS + 2 * HOUR_MS, "c", "c")
    run(archive_log, root)
    assert lids(root) == {"a": 1, "b": 1, "c": 1}


def test_what_is_no_click_is_counted_and_holds_nobody_up(
    archive_log: ArchiveLog, log: ClickLog, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = ("", "{", "[]", "{}", "\n", '{"lid":"x"\n}', '{"lid":null}', '{"lid":"y","payin":[}', "\ud800}")
    for click in broken:
        log.redis.xadd("clicks", {"click": click.encode(errors="surrogatepass"), "unique": "1"})
    log.redis.xadd("clicks", {"foreign": "entry"})
    add(log, "a", dateAdded=NOON_MS)
    assert run(archive_log, root).clicks == len(broken) + 2
    assert lids(root) == {"a": 1}
    assert (status(archive_log).unreadable, status(archive_log).backlog) == (len(broken) + 1, 0)
    assert "no clicks" in caplog.text


def test_the_clicks_of_a_batch_stay_in_the_order_of_the_log(
    archive_log: ArchiveLog, redis_client: redis.Redis, root: Path
) -> None:
    every = [str(number) for number in range(5000)]
    add_at(redis_client, NOON_MS, *every)
    run(archive_log, root)
    (name,) = names(root)
    assert [lid for (lid,) in query("lid", [root / name])] == every


@pytest.mark.parametrize("is_double", [False, True])
def test_a_file_is_named_by_the_first_and_last_click_that_it_holds(
    archive_log: ArchiveLog,
    redis_client: redis.Redis,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_double: bool,
) -> None:
    monkeypatch.setattr(log_module, "PAGE_ENTRIES", 1000)
    every = [str(number) for number in range(3000)]
    redis_client.xadd("clicks", {"click": "none"}, id=f"{NOON_MS}-0")
    add_at(redis_client, NOON_MS, *every)
    if is_double:
        add_at(redis_client, NOON_MS + 1, *every[:2000:-1])
    redis_client.xadd("clicks", {"click": "none"}, id=f"{NOON_MS + 2}-0")
    run(archive_log, root)
    (name,) = names(root)
    assert name == f"date=2025-11-25/hour=12/{NOON_MS}-1_{NOON_MS}-3000.parquet"
    assert [lid for (lid,) in query("lid", [root / name])] == every


def test_a_disk_that_takes_nothing_leaves_the_clicks_in_the_log(
    archive_log: ArchiveLog, log: ClickLog, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(log, "a", "b", dateAdded=NOON_MS)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        assert run(archive_log, root) == Archived()
    found = status(archive_log)
    assert (found.backlog, lids(root)) == (2, {})
    assert found.write is not None
    assert "No space left" in (found.write.error or "")
    assert "CLICK_ARCHIVE_DIR" in (found.write.error or "")
    run(archive_log, root)
    assert lids(root) == {"a": 1, "b": 1}


def test_a_directory_that_cannot_be_made_is_told(archive_log: ArchiveLog, log: ClickLog, root: Path) -> None:
    root.write_text("a file")
    add(log, "a")
    assert run(archive_log, root) == Archived()
    found = status(archive_log)
    assert found.write is not None
    assert found.write.error


def test_while_one_process_archives_another_does_nothing(
    archive_log: ArchiveLog, log: ClickLog, root: Path
) -> None:
    add(log, "a")
    with module._alone(root) as is_alone:
        assert is_alone
        assert run(archive_log, root) == Archived()
    assert run(archive_log, root).clicks == 1


def test_a_redis_that_is_away_raises_nothing(root: Path) -> None:
    assert run(ArchiveLog(redis_away()), root) == Archived()


def test_a_run_ends_in_time_and_the_next_goes_on(
    archive_log: ArchiveLog, log: ClickLog, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_CLICKS", 10)
    add(log, *map(str, range(100)), dateAdded=time.time_ns() // 1_000_000)
    assert run(archive_log, root, seconds=0) == Archived()
    assert run(archive_log, root).clicks == 100
    assert len(names(root)) == 10
    assert set(lids(root).values()) == {1}
