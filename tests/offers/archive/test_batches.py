"""The archive reads the log in batches, and gets the same one again until it is acknowledged."""

import pytest
import redis
from redis.exceptions import RedisError

from offers.archive import log as module
from offers.archive.log import ArchiveLog
from offers.click_log.stream import ARCHIVE_GROUP, LOG, ClickLog
from offers.click_log.types import Entry
from tests.offers.archive.reading import NOON_MS, add_at, pass_over, read, status
from tests.offers.logged import add, names


@pytest.fixture(autouse=True)
def _small_pages(archive_log: ArchiveLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_ENTRIES", 10)
    archive_log.create()


def sizes(archive: ArchiveLog, most: int) -> list[int]:
    """Of the next pages, how many entries they have."""
    batch = archive.next_batch(most, archive.end())
    return [] if batch is None else [len(page) for page in archive.pages(batch)]


def test_entries_come_in_pages_in_their_order(archive_log: ArchiveLog, log: ClickLog) -> None:
    add(log, *names(47))
    assert sizes(archive_log, 25) == [10, 10, 5]
    batch = archive_log.next_batch(25, archive_log.end())
    assert read(archive_log, batch) == log.newest(100)[::-1][:25]


def test_an_empty_log_has_no_batch(archive_log: ArchiveLog) -> None:
    assert archive_log.next_batch(10, archive_log.end()) is None


@pytest.mark.parametrize(("most", "size"), [(25, 25), (47, 47), (100, 47)])
def test_what_was_not_acknowledged_comes_again_and_nothing_else(
    archive_log: ArchiveLog, log: ClickLog, most: int, size: int
) -> None:
    add(log, *names(47))
    batch = archive_log.next_batch(most, archive_log.end())
    before = read(archive_log, batch)
    add(log, *names(60)[47:])
    assert archive_log.next_batch(most, archive_log.end()) == batch
    assert read(archive_log, batch) == before
    assert len(before) == size
    passed = [pass_over(archive_log, most) for _ in range(60)]
    assert sum(passed) == 60
    assert archive_log.next_batch(most, archive_log.end()) is None


@pytest.mark.parametrize("most", [7, 47, 100])
def test_what_waits_and_what_is_done_is_counted(archive_log: ArchiveLog, log: ClickLog, most: int) -> None:
    add(log, *names(47))
    passed = pass_over(archive_log, most)
    found = status(archive_log)
    assert (found.archived, found.backlog) == (passed, 47 - passed)


def test_entries_of_the_same_millisecond_are_read_once(
    archive_log: ArchiveLog, redis_client: redis.Redis
) -> None:
    add_at(redis_client, NOON_MS, *names(47))
    assert [pass_over(archive_log, 10) for _ in range(6)] == [10, 10, 10, 10, 7, 0]


def test_a_batch_whose_entries_were_dropped_holds_nobody_up(archive_log: ArchiveLog, log: ClickLog) -> None:
    add(log, *names(20))
    archive_log.next_batch(10, archive_log.end())
    log.redis.xtrim(LOG, maxlen=0, approximate=False)
    add(log, "after")
    assert pass_over(archive_log, 10) == 0
    assert pass_over(archive_log, 10) == 1
    assert status(archive_log).backlog == 0


def test_dropped_entries_do_not_count_as_waiting_for_ever(archive_log: ArchiveLog, log: ClickLog) -> None:
    add(log, *names(20))
    pass_over(archive_log, 5)
    log.redis.xtrim(LOG, maxlen=3, approximate=False)
    assert pass_over(archive_log, 100) == 3
    add(log, "after")
    assert status(archive_log).backlog == 1


def test_a_late_acknowledgement_takes_nothing_back_and_counts_nothing(
    archive_log: ArchiveLog, log: ClickLog
) -> None:
    add(log, *names(20))
    late = archive_log.next_batch(10, archive_log.end())
    assert late is not None
    last = read(archive_log, late)[-1].id
    assert [pass_over(archive_log, 10), pass_over(archive_log, 10)] == [10, 10]
    archive_log.acknowledge(late, 10, last, 1)
    assert archive_log.next_batch(10, archive_log.end()) is None
    assert (status(archive_log).archived, status(archive_log).unreadable) == (20, 0)


def test_an_entry_may_have_other_fields_and_in_another_order(
    archive_log: ArchiveLog, redis_client: redis.Redis
) -> None:
    redis_client.xadd(LOG, {"unique": b"\xff", "click": "a", "more": "b"}, id="1-1")
    redis_client.xadd(LOG, {"foreign": "c"}, id="1-2")
    entries = read(archive_log, archive_log.next_batch(3, archive_log.end()))
    assert entries == [Entry("1-1", b"a", "�"), Entry("1-2", b"", "")]


def test_a_group_that_somebody_deleted_meanwhile_is_told(archive_log: ArchiveLog, log: ClickLog) -> None:
    add(log, "a")
    batch = archive_log.next_batch(1, archive_log.end())
    log.redis.xgroup_destroy(LOG, ARCHIVE_GROUP)
    with pytest.raises(RedisError, match="archive group"):
        archive_log.next_batch(1, archive_log.end())
    assert batch is not None
    archive_log.acknowledge(batch, 1, batch.until, 0)
    archive_log.create()
    assert pass_over(archive_log, 10) == 1


@pytest.mark.parametrize(("first_ms", "first"), [(NOON_MS, 1), (NOON_MS + 1, 0)])
def test_what_an_older_version_left_unacknowledged_is_the_next_batch(
    archive_log: ArchiveLog, redis_client: redis.Redis, first_ms: int, first: int
) -> None:
    """It read as a consumer of the group, and died with five entries."""
    add_at(redis_client, NOON_MS, "done")
    add_at(redis_client, first_ms, *names(5))
    redis_client.xreadgroup(ARCHIVE_GROUP, "archive", {LOG: ">"}, count=6)
    redis_client.xack(LOG, ARCHIVE_GROUP, f"{NOON_MS}-0")
    add_at(redis_client, NOON_MS + 2, "new")
    archive_log.create()
    left = [entry.id for entry in read(archive_log, archive_log.next_batch(10, archive_log.end()))]
    assert left == [f"{first_ms}-{sequence}" for sequence in range(first, first + 5)]
    assert redis_client.xpending(LOG, ARCHIVE_GROUP)["pending"] == 0
    assert [pass_over(archive_log, 10) for _ in range(3)] == [5, 1, 0]
    assert status(archive_log).backlog == 0
