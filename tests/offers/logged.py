"""Clicks in the log, for tests, and their delivery."""

import json

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import ClickLog
from offers.delivery.deliver import Delivered, deliver
from offers.delivery.dynamodb import ClickTable
from offers.delivery.item import Item
from offers.spool.types import PendingClick


def add(log: ClickLog, *lids: str, unique: str = "1", **fields: object) -> None:
    """Write clicks of these lids into the log."""
    for lid in lids:
        record = json.dumps({"lid": lid, **fields}, separators=(",", ":")).encode()
        log.append([PendingClick(record, unique=unique)])


def names(count: int) -> list[str]:
    """So many different lids."""
    return [f"click-{number}" for number in range(count)]


def run(
    log: ClickLog, consumer: str = "worker", seconds: float = 10, table: ClickTable | None = None
) -> Delivered:
    """One run of delivery, by a worker that has just started."""
    return deliver(log, table or ClickTable(), consumer, seconds)


def redis_away() -> Redis:
    """A client of a Redis that is not there, which does not ask twice."""
    return Redis(host=LOCALHOST, port=free_port(), retry=Retry(NoBackoff(), 0))


def write(table: ClickTable, *items: Item) -> set[str]:
    """Write items to the table, and wait for the answer; the lids that were left."""
    return table.end(table.begin(items), items)
