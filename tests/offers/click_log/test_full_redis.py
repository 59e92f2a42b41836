"""A Redis that uses all the memory it may: it is looked at, delivered from and drained all the same."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import redis
from django.core.management import call_command

from devstack.services import LOCALHOST
from offers.click_log.stream import GROUP, ClickLog
from offers.delivery.drain import drain
from offers.delivery.dynamodb import ClickTable
from offers.spool.spool import Spool
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, run


@pytest.fixture
def limited(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    """Redis, whose limits end with the test."""
    yield redis_client
    redis_client.config_set("maxmemory", 0)
    redis_client.replicaof("NO", "ONE")


def fill(client: redis.Redis) -> None:
    """From now on Redis refuses what needs memory."""
    client.config_set("maxmemory", 1)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        client.set("one", "more")


def test_a_full_redis_is_delivered_from(log: ClickLog, dynamodb: BadDynamoDB, limited: redis.Redis) -> None:
    add(log, *names(60))
    fill(limited)
    assert run(log).delivered == 60
    status = log.status()
    assert (status.backlog, status.delivered) == (0, 60)


def test_a_full_redis_keeps_no_delivered_clicks(
    log: ClickLog, dynamodb: BadDynamoDB, limited: redis.Redis
) -> None:
    add(log, *names(2000))
    fill(limited)
    run(log)
    # The stream goes in whole nodes.
    assert log.status().length < 200


def test_a_full_redis_has_its_bad_clicks_as_dead_letters(
    log: ClickLog, dynamodb: BadDynamoDB, limited: redis.Redis
) -> None:
    dynamodb.poison = {"click-7"}
    add(log, *names(50))
    fill(limited)
    assert run(log).dead_letters == 1
    assert len(log.dead_letters(10)) == 1


def test_delivery_from_a_full_redis_waits_for_a_dynamodb_that_is_away_and_goes_on(
    log: ClickLog, dynamodb: BadDynamoDB, limited: redis.Redis
) -> None:
    add(log, *names(60))
    fill(limited)
    dynamodb.trouble, dynamodb.troubled_requests = "500", 6
    delivered = 0
    while delivered < 60:
        delivered += run(log).delivered
    outcome = log.table_outcome()
    assert outcome is not None
    assert outcome.error is None


def test_an_empty_and_full_redis_gets_its_consumer_group(log: ClickLog, limited: redis.Redis) -> None:
    fill(limited)
    log.delivery.create()
    assert limited.xinfo_groups("clicks")[0]["name"] == GROUP.encode()


def test_a_drain_makes_room_for_the_spool_in_a_full_redis(
    log: ClickLog, dynamodb: BadDynamoDB, limited: redis.Redis, tmp_path: Path
) -> None:
    add(log, *names(3000), filling="x" * 500)
    lines = [b'{"click":{"lid":"spooled-%d"}}\n' % number for number in range(100)]
    (tmp_path / "0-dead.ndjson").write_bytes(b"".join(lines))
    limited.config_set("maxmemory", int(limited.info("memory")["used_memory"]))
    done = drain(log, ClickTable(), Spool(tmp_path), 90)
    assert (done.delivered, done.replayed) == (3100, 100)
    assert list(tmp_path.iterdir()) == []


def test_a_drain_ends_where_a_full_redis_has_no_room_to_make(
    log: ClickLog, dynamodb: BadDynamoDB, limited: redis.Redis, tmp_path: Path
) -> None:
    (tmp_path / "0-dead.ndjson").write_bytes(b'{"click":{"lid":"spooled"}}\n')
    fill(limited)
    assert drain(log, ClickTable(), Spool(tmp_path), 3600).replayed == 0
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_clicks_status_tells_of_a_redis_that_takes_no_writes(
    log: ClickLog, limited: redis.Redis, how: str
) -> None:
    add(log, *names(3))
    log.delivery.create()
    if how == "full":
        fill(limited)
    else:
        limited.replicaof(LOCALHOST, "1")
    out = StringIO()
    call_command("clicks_status", "--json", stdout=out)
    assert json.loads(out.getvalue())["backlog"] == 3
