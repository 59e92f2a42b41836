"""Publishes heartbeats of Celery's worker and beat, each from a thread of its own.

Finished tasks would be no sign of life: while one long load keeps the pool busy, none finish, although worker
and beat are alive.
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

from cotraffic.ops.heartbeats import BEAT, Heartbeat, publish_heartbeat

BEAT_SECONDS = 5.0
REDIS_TIMEOUT_SECONDS = 2.0


class HeartbeatSender:
    """Publishes the heartbeats of one process until it ends."""

    def __init__(self, name: str, redis: Redis) -> None:
        self.name = name
        self.sent = 0
        self.last_task_s: float | None = None
        self._redis = redis
        self._since = time.time()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start the thread; it is a daemon, so it does not keep the process from ending."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """End the thread after its current heartbeat."""
        self._stopped.set()

    def state(self) -> Heartbeat:
        """Return the heartbeat of this moment."""
        is_beat = self.name == BEAT
        active = () if is_beat else list(worker_state.active_requests)
        running = sorted(str(request.name) for request in active)
        done = self.sent if is_beat else sum(worker_state.total_count.values())
        return Heartbeat(self.name, os.getpid(), self._since, time.time(), running, done, self.last_task_s)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with suppress(RedisError, OSError):
                publish_heartbeat(self._redis, self.state())
            self._stopped.wait(BEAT_SECONDS)


def connect(redis_url: str) -> None:
    """Publish heartbeats of this process if it becomes a Celery worker or beat."""

    def open_redis() -> Redis:
        return Redis.from_url(
            redis_url, socket_connect_timeout=REDIS_TIMEOUT_SECONDS, socket_timeout=REDIS_TIMEOUT_SECONDS
        )

    def on_worker(sender: Any, **_: object) -> None:
        heartbeats = HeartbeatSender(str(sender.hostname), open_redis())
        worker_shutting_down.connect(lambda **_: heartbeats.stop(), weak=False)
        heartbeats.start()

    def on_beat(**_: object) -> None:
        heartbeats = HeartbeatSender(BEAT, open_redis())

        def on_publish(**_: object) -> None:
            heartbeats.sent += 1
            heartbeats.last_task_s = time.time()

        before_task_publish.connect(on_publish, weak=False)
        heartbeats.start()

    worker_ready.connect(on_worker, weak=False)
    beat_init.connect(on_beat, weak=False)
