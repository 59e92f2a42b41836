"""A group's entries are read once, whoever wrote them and whatever was deleted meanwhile."""

import pytest
import redis

from offers.click_log.groups import ConsumerGroup
from offers.click_log.stream import LOG, ClickLog
from offers.click_log.types import Entry
from tests.offers.logged import add, names


@pytest.fixture
def group(log: ClickLog) -> ConsumerGroup:
    log.delivery.create()
    return log.delivery


def test_entries_that_were_read_before_come_again_alone(log: ClickLog, group: ConsumerGroup) -> None:
    add(log, *names(47))
    read = group.read_new("one", 25)
    assert group.read_own("one", 40) == read
    group.acknowledge("totals", "delivered", [entry.id for entry in read])
    assert group.read_own("one", 40) == []
    assert len(group.read_new("one", 40)) == 22


def test_deleted_entries_hold_nobody_up(log: ClickLog, group: ConsumerGroup) -> None:
    add(log, *names(35))
    read = [entry.id for entry in group.read_new("one", 25)]
    log.redis.xdel(LOG, *read[:15])
    assert len(group.read_own("one", 40)) == 10
    assert log.redis.xpending(LOG, group.name)["pending"] == 10


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
