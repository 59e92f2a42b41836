"""A group's entries are read in pages, each once, whoever wrote them and whatever was deleted meanwhile."""

import pytest
import redis

from offers.click_log import groups
from offers.click_log.groups import ConsumerGroup
from offers.click_log.stream import LOG, ClickLog
from offers.click_log.types import Entry
from tests.offers.logged import add, names


@pytest.fixture
def group(log: ClickLog, monkeypatch: pytest.MonkeyPatch) -> ConsumerGroup:
    monkeypatch.setattr(groups, "PAGE_ENTRIES", 10)
    log.archive.create()
    return log.archive


def sizes(group: ConsumerGroup, count: int) -> list[int]:
    """Of the next pages, how many entries they have."""
    return [len(page) for page in group.pages("one", count)]


def test_new_entries_come_in_pages(log: ClickLog, group: ConsumerGroup) -> None:
    add(log, *names(47))
    pages = list(group.pages("one", 25))
    assert [len(page) for page in pages] == [10, 10, 5]
    assert pages == [group.read_own("one", 25)[at : at + 10] for at in (0, 10, 20)]


def test_entries_that_were_read_before_come_again_and_alone(log: ClickLog, group: ConsumerGroup) -> None:
    add(log, *names(47))
    read = [entry.id for page in group.pages("one", 25) for entry in page]
    assert [entry.id for page in group.pages("one", 40) for entry in page] == read
    group.acknowledge("totals", "archived", read)
    assert sizes(group, 40) == [10, 10, 2]


def test_an_empty_log_has_no_page(group: ConsumerGroup) -> None:
    assert sizes(group, 40) == []


def test_deleted_entries_hold_nobody_up(log: ClickLog, group: ConsumerGroup) -> None:
    add(log, *names(35))
    read = [entry.id for entry in group.read_new("one", 25)]
    log.redis.xdel(LOG, *read[:15])
    assert sizes(group, 40) == [5, 5]
    assert sizes(group, 40) == [10]
    group.acknowledge("totals", "archived", read)
    assert sizes(group, 40) == [10]


def test_an_entry_may_have_other_fields_and_in_another_order(
    redis_client: redis.Redis, group: ConsumerGroup
) -> None:
    redis_client.xadd(LOG, {"unique": b"\xff", "click": "a", "more": "b"}, id="1-1")
    redis_client.xadd(LOG, {"foreign": "c"}, id="1-2")
    redis_client.xadd(LOG, {"click": "d", "unique": "1"}, id="1-3")
    assert group.read_new("one", 3) == [
        Entry("1-1", b"a", "�"),
        Entry("1-2", b"", ""),
        Entry("1-3", b"d", "1"),
    ]
