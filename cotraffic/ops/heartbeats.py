"""Heartbeats of Celery's worker and beat; `heartbeat_sender.py` publishes them every few seconds.

Redis key: `heartbeats`, a hash of name -> state.
"""

from typing import Any

import msgspec
from redis import Redis

# Heartbeats older than this are deleted.
FORGOTTEN_SECONDS = 24 * 3600.0
BEAT = "beat"
_KEY = "heartbeats"


class Heartbeat(msgspec.Struct, frozen=True):
    """A Celery process: `name` is "beat" or the worker's own. Times in seconds since the epoch.

    `running` are the tasks that a worker is working on; `done` counts the tasks that it has started, or that
    beat has sent, since the process began; `last_task_s` is when beat sent the last one.
    """

    name: str
    pid: int
    since_s: float
    heard_s: float
    running: list[str] = []
    done: int = 0
    last_task_s: float | None = None


def publish_heartbeat(redis: Redis, heartbeat: Heartbeat) -> None:
    """Replace the last heartbeat of a process. Raises `RedisError`."""
    redis.hset(_KEY, heartbeat.name, msgspec.json.encode(heartbeat))


def heartbeats(redis: Redis, now: float) -> list[Heartbeat]:
    """Return the last heartbeat of each Celery process of this instance, beat first. Raises `RedisError`."""
    found: Any = redis.hgetall(_KEY)
    last = [msgspec.json.decode(state, type=Heartbeat) for state in found.values()]
    gone = [each.name for each in last if now - each.heard_s > FORGOTTEN_SECONDS]
    if gone:
        redis.hdel(_KEY, *gone)
    kept = [each for each in last if each.name not in gone]
    return sorted(kept, key=lambda each: (each.name != BEAT, each.name))
