"""Heartbeats of Celery's processes: the real ones, and what staff reads of them."""

import os
import time

import redis

from cotraffic.ops.heartbeat_sender import HeartbeatSender
from cotraffic.ops.heartbeats import BEAT, FORGOTTEN_SECONDS, Heartbeat, heartbeats, publish_heartbeat
from tests.processes import running, wait_until

CELERY = ("-m", "celery", "-A", "cotraffic")


def by_name(client: redis.Redis) -> dict[str, Heartbeat]:
    return {each.name.partition("@")[0]: each for each in heartbeats(client, time.time())}


def test_worker_and_beat_tell_of_themselves(redis_client: redis.Redis) -> None:
    with (
        running(*CELERY, "beat", "--pidfile=") as beat,
        running(*CELERY, "worker", "--concurrency", "1", "--hostname", "one@here") as worker,
    ):
        wait_until(lambda: by_name(redis_client).keys() >= {BEAT, "one"}, what="both heartbeats")
        wait_until(lambda: by_name(redis_client)[BEAT].done, what="a word of the tasks sent")
        heard = by_name(redis_client)
    assert (heard[BEAT].pid, heard["one"].pid) == (beat.pid, worker.pid)
    assert heard[BEAT].last_task_s is not None


def test_a_process_that_ended_is_still_remembered(redis_client: redis.Redis) -> None:
    publish_heartbeat(redis_client, HeartbeatSender("one@here", redis_client).state())
    [heard] = heartbeats(redis_client, time.time() + 3_600)
    assert (heard.name, heard.pid) == ("one@here", os.getpid())


def test_a_process_that_ended_long_ago_is_forgotten(redis_client: redis.Redis) -> None:
    publish_heartbeat(redis_client, HeartbeatSender("one@here", redis_client).state())
    assert heartbeats(redis_client, time.time() + FORGOTTEN_SECONDS + 1) == []
    assert redis_client.exists("heartbeats") == 0


def test_a_redis_that_is_away_ends_no_process(redis_client: redis.Redis) -> None:
    with redis.Redis(port=1) as away:
        heart = HeartbeatSender("one@here", away)
        heart.start()
        heart.stop()
    assert heartbeats(redis_client, time.time()) == []
