"""Lets Celery's worker and beat tell of themselves, each from a thread of its own.

A worker's pool may be busy with one long load, and beat's tasks may wait behind it: both live all the same,
so neither can be told by tasks that get done.
"""

import os
import threading
import time
from contextlib import suppress
from typing import Any

from celery.signals import beat_init, before_task_publish, worker_ready, worker_shutting_down
from celery.worker import state as worker_state
from redis import Redis
from redis.exceptions import RedisError

from cotraffic.ops.heartbeats import BEAT, Heartbeat, tell

BEAT_SECONDS = 5.0
REDIS_TIMEOUT_SECONDS = 2.0


class HeartbeatSender:
    """Tells of one process until it ends."""

    def __init__(self, name: str, redis: Redis) -> None:
        self.name = name
        self.sent = 0
        self.last_task_s: float | None = None
        self._redis = redis
        self._since = time.time()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to tell."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """Tell no more: the process ends."""
        self._stopped.set()

    def state(self) -> Heartbeat:
        """How the process is now."""
        is_beat = self.name == BEAT
        active = () if is_beat else list(worker_state.active_requests)
        running = sorted(str(request.name) for request in active)
        done = self.sent if is_beat else sum(worker_state.total_count.values())
        return Heartbeat(self.name, os.getpid(), self._since, time.time(), running, done, self.last_task_s)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(RedisError, OSError):
                tell(self._redis, self.state())
            self._stopped.wait(BEAT_SECONDS)


def connect(redis_url: str) -> None:
    """Let this process tell of itself if it becomes a Celery worker or beat."""

    def open_redis() -> Redis:
        return Redis.from_url(
            redis_url, socket_connect_timeout=REDIS_TIMEOUT_SECONDS, socket_timeout=REDIS_TIMEOUT_SECONDS
        )

    def on_worker(sender: Any, **_: Any) -> None:
        heart = HeartbeatSender(str(sender.hostname), open_redis())
        worker_shutting_down.connect(lambda **_: heart.stop(), weak=False)
        heart.start()

    def on_beat(**_: Any) -> None:
        heart = HeartbeatSender(BEAT, open_redis())

        def on_publish(**_: Any) -> None:
            heart.sent += 1
            heart.last_task_s = time.time()

        before_task_publish.connect(on_publish, weak=False)
        heart.start()

    worker_ready.connect(on_worker, weak=False)
    beat_init.connect(on_beat, weak=False)
