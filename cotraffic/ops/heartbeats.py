"""How Celery's worker and beat are; `heartbeat_sender.py` writes it to Redis every few seconds.

Redis key: `heartbeats`, a hash of name -> state.
"""

from typing import Any

import msgspec
from redis import Redis

# Whoever was not heard of for so long is no longer worth a word.
FORGOTTEN_SECONDS = 24 * 3600.0
BEAT = "beat"
_KEY = "heartbeats"


class Heartbeat(msgspec.Struct, frozen=True):
    """A Celery process: `name` is "beat" or the worker's own. Times in seconds since the epoch.

    `running` are the tasks a worker has in hand; `done` counts those it took up since it started, or those
    that beat has sent; `last_task_s` is when beat sent the last one.
    """

    name: str
    pid: int
    since_s: float
    heard_s: float
    running: list[str] = []
    done: int = 0
    last_task_s: float | None = None


def tell(redis: Redis, heartbeat: Heartbeat) -> None:
    """Keep the newest heartbeat of a process. Raises `RedisError`."""
    redis.hset(_KEY, heartbeat.name, msgspec.json.encode(heartbeat))


def heartbeats(redis: Redis, now: float) -> list[Heartbeat]:
    """What was heard last of each Celery process of this instance, beat first. Raises `RedisError`."""
    found: Any = redis.hgetall(_KEY)
    known = [msgspec.json.decode(state, type=Heartbeat) for state in found.values()]
    gone = [each.name for each in known if now - each.heard_s > FORGOTTEN_SECONDS]
    if gone:
        redis.hdel(_KEY, *gone)
    kept = [each for each in known if each.name not in gone]
    return sorted(kept, key=lambda each: (each.name != BEAT, each.name))
