"""Clicks from the log to DynamoDB: each arrives, once, and makes room."""

import json
import threading
import time
from typing import Any

import pytest
import redis
from pytest_django import Settings

from offers.click_log import stream
from offers.click_log.stream import ClickLog
from offers.delivery import deliver
from offers.delivery.deliver import Delivered
from offers.spool.types import PendingClick
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, run
from tests.processes import wait_until


def test_every_click_arrives_and_is_acknowledged(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, *names(60), payin=5.1)
    assert run(log) == Delivered(delivered=60)
    assert set(dynamodb.items) == set(names(60))
    assert sorted(dynamodb.batches) == [10, 25, 25]
    status = log.status()
    assert (status.backlog, status.delivered, status.oldest_age_seconds) == (0, 60, None)
    assert status.delivered_per_second > 0.5


def test_an_empty_log_asks_nothing_of_dynamodb(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    assert run(log) == Delivered()
    assert dynamodb.batches == []


def test_what_comes_while_the_last_clicks_are_delivered_waits_for_the_next_run(
    log: ClickLog, dynamodb: BadDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run among steady clicks would go on with a few at a time, and never let them gather."""
    acknowledge = ClickLog.acknowledge

    def acknowledge_late(log: ClickLog, ids: list[str]) -> int:
        add(log, f"came-during-{ids[0]}")
        return acknowledge(log, ids)

    monkeypatch.setattr(deliver, "ROUND_CLICKS", 50)
    add(log, *names(120))
    with monkeypatch.context() as patched:
        patched.setattr(ClickLog, "acknowledge", acknowledge_late)
        assert run(log) == Delivered(delivered=122)
    assert run(log) == Delivered(delivered=1)


def test_a_click_that_is_in_the_log_twice_is_put_once(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, "a", "b", "a")
    assert run(log) == Delivered(delivered=2)
    assert dynamodb.puts == {"a": 1, "b": 1}
    assert log.status().backlog == 0


def test_a_bad_click_becomes_a_dead_letter_and_its_neighbours_arrive(
    log: ClickLog, dynamodb: BadDynamoDB
) -> None:
    dynamodb.poison = {"click-7"}
    add(log, *names(50))
    assert run(log) == Delivered(delivered=49, dead_letters=1)
    assert set(dynamodb.items) == set(names(50)) - {"click-7"}
    (letter,) = log.dead_letters(10)
    assert json.loads(letter.click) == {"lid": "click-7"}
    assert letter.error == "ValidationException: Item size has exceeded the maximum allowed size"
    assert log.status().backlog == 0


def test_what_is_no_click_becomes_a_dead_letter(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    for broken in (b"\xff", b"{", b"[]", b'{"lid":1}', b'{"lid":""}', b'{"lid":"x","list":[]}'):
        log.append([PendingClick(broken)])
    add(log, "a")
    log.redis.xadd("clicks", {"foreign": "entry"})
    assert run(log) == Delivered(delivered=1, dead_letters=7)
    assert log.status().dead_letters == 7


def test_a_dead_letter_arrives_once_its_cause_is_gone(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    dynamodb.poison = {"a"}
    add(log, "a")
    run(log)
    dynamodb.poison = set()
    assert (log.redeliver(10), log.redeliver(10)) == (1, 0)
    assert run(log) == Delivered(delivered=1)
    assert (set(dynamodb.items), log.status().dead_letters) == ({"a"}, 0)


def test_what_a_dead_consumer_holds_is_claimed(
    log: ClickLog, dynamodb: BadDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.delivery.create()
    add(log, *names(30))
    assert len(log.delivery.read_new("dead", 20)) == 20
    assert run(log).delivered == 10
    monkeypatch.setattr(deliver, "DEAD_CONSUMER_MS", 10)
    time.sleep(0.02)
    assert run(log).delivered == 20
    assert (set(dynamodb.items), log.status().backlog) == (set(names(30)), 0)


def test_a_worker_begins_with_what_it_left_undone(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    log.delivery.create()
    add(log, *names(30))
    log.delivery.read_new("worker", 30)
    assert run(log, "worker").delivered == 30


def test_a_click_that_two_workers_delivered_counts_once(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    log.delivery.create()
    add(log, "a")
    (entry,) = log.delivery.read_new("slow", 10)
    log.delivery.claim("quick", 0, 10)
    assert (log.acknowledge([entry.id]), log.acknowledge([entry.id])) == (1, 0)
    assert log.status().delivered == 1


def test_workers_at_once_share_the_work(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, *names(3000))
    done: dict[str, Delivered] = {}

    def work(consumer: str) -> None:
        done[consumer] = run(log, consumer)

    threads = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.delivered for one in done.values()) == 3000
    assert len([one for one in done.values() if one.delivered]) > 1
    assert dynamodb.puts == dict.fromkeys(names(3000), 1)
    assert (log.status().backlog, log.status().delivered) == (0, 3000)


def test_delivered_clicks_stay_up_to_a_number_and_undelivered_ones_always(
    log: ClickLog, dynamodb: BadDynamoDB, settings: Settings
) -> None:
    settings.CLICK_LOG_KEEP = 200
    dynamodb.trouble = "500"
    add(log, *names(1000))
    run(log, seconds=0.1)
    assert log.status().length == 1000
    dynamodb.trouble = ""
    wait_until(lambda: run(log) and not log.status().backlog, what="delivery")
    # The log is cut in nodes of a hundred entries at most.
    assert 200 <= log.status().length <= 300


def test_what_another_worker_still_holds_is_never_trimmed(
    log: ClickLog, dynamodb: BadDynamoDB, settings: Settings
) -> None:
    settings.CLICK_LOG_KEEP = 10
    log.delivery.create()
    add(log, *names(500))
    held = log.delivery.read_new("other", 1)
    run(log)
    assert log.status().length == 500
    log.acknowledge([held[0].id])
    run(log)
    assert log.status().length <= 110


def test_what_is_read_while_the_log_is_trimmed_stays(
    log: ClickLog, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker reads between the questions that the bound of the trimming is made of."""
    log.delivery.create()
    add(log, *names(300))
    log.acknowledge([entry.id for entry in log.delivery.read_new("worker", 300)])
    add(log, *names(300))
    questions = iter(("XINFO GROUPS", "XPENDING"))
    execute: Any = redis_client.execute_command

    def execute_and_read(*words: Any, **options: Any) -> Any:
        reply = execute(*words, **options)
        if words[0] in ("XINFO GROUPS", "XPENDING") and next(questions, None) == "XINFO GROUPS":
            execute("XREADGROUP", "GROUP", "delivery", "other", "COUNT", 300, "STREAMS", "clicks", ">")
        return reply

    monkeypatch.setattr(redis_client, "execute_command", execute_and_read)
    log.trim(0)
    monkeypatch.undo()
    assert len(log.delivery.read_own("other", 500)) == 300


def test_an_entry_deleted_by_hand_does_no_harm(
    log: ClickLog, dynamodb: BadDynamoDB, redis_client: redis.Redis
) -> None:
    log.delivery.create()
    add(log, "a", "b")
    gone, _ = log.delivery.read_new("worker", 10)
    redis_client.xdel("clicks", gone.id)
    assert run(log).delivered == 1
    assert (set(dynamodb.items), log.status().backlog) == ({"b"}, 0)


def test_consumers_of_dead_workers_are_forgotten(
    log: ClickLog, dynamodb: BadDynamoDB, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(log, *names(2))
    log.delivery.create()
    log.delivery.read_new("holds one", 1)
    redis_client.xgroup_createconsumer("clicks", "delivery", "dead")
    time.sleep(0.05)
    monkeypatch.setattr(stream, "FORGET_CONSUMER_MS", 40)
    run(log)
    consumers: Any = redis_client.xinfo_consumers("clicks", "delivery")
    # The worker of this run may have been idle for as long on a busy machine.
    assert {consumer["name"] for consumer in consumers} - {b"worker"} == {b"holds one"}
