"""The faults: what may go wrong, one thing at a time, while clicks come in."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import redis

from devstack.services import valkey_answers
from tests.faults.preload import preload
from tests.faults.system import System

ORPHAN_SECONDS = 10.0
# The spool of one worker, in bytes: less than what the clicks of a second need.
SPOOL_LIMIT = 64 * 1024
BUSY_BYTES = 8_000_000
BUSY_PAUSE_SECONDS = 0.05
BUSY_SECONDS = 4.0
BUSY_KILLS = 3
FILLING_KEYS = 2_000_000
FILLING_AT_ONCE = 20_000
FILL = "for at = ARGV[1], ARGV[2] do redis.call('SET', 'filling:' .. at, string.rep('x', 100)) end"


class Scale(NamedTuple):
    """How long things last (seconds), and how many clicks wait in the long backlog."""

    before: float
    after: float
    redis_away: float
    disk_full: float
    dynamodb_fails: float
    dynamodb_away: float
    backlog: int
    drain: float


LONG = Scale(
    before=3,
    after=5,
    redis_away=5,
    disk_full=5,
    dynamodb_fails=10,
    dynamodb_away=60,
    backlog=1_000_000,
    drain=900,
)
SHORT = Scale(
    before=1.5,
    after=2,
    redis_away=2,
    disk_full=3,
    dynamodb_fails=3,
    dynamodb_away=6,
    backlog=20_000,
    drain=120,
)


class Broken(Exception):
    """The system did not come through a fault as it should have; the message says how."""


class Fault(NamedTuple):
    """One fault. `inject` causes it and returns when it is over; raises Broken.

    `prepare` happens before the load begins, and gives the lids of clicks that count as answered. `loses`: it
    may lose clicks, which have to be counted exactly. `drains`: the web process ends in good order, so that
    whatever it wrote down has to be answered, too.
    """

    name: str
    title: str
    inject: Callable[[System, Scale], None]
    prepare: Callable[[System, Scale], set[str]] | None = None
    loses: bool = False
    drains: bool = False


def kill_worker(system: System, scale: Scale) -> None:
    """SIGKILL for one web worker; gunicorn replaces it."""
    os.kill(system.web_workers()[0], signal.SIGKILL)
    time.sleep(scale.before)
    if len(system.web_workers()) < 2:
        raise Broken("gunicorn did not replace the worker")


def kill_master(system: System, scale: Scale) -> None:
    """SIGKILL for gunicorn's master; its orphans have to end, or none but them is ever reached again."""
    orphans = system.web_workers()
    system.web.signal(signal.SIGKILL)
    deadline = time.monotonic() + ORPHAN_SECONDS
    while alive := [pid for pid in orphans if _lives(pid)]:
        if time.monotonic() > deadline:
            raise Broken(f"{len(alive)} workers still run {ORPHAN_SECONDS:g} s after their master was killed")
        time.sleep(0.05)
    _wait_for_workers(system)


def kill_celery(system: System, scale: Scale) -> None:
    """SIGKILL for the worker and its children."""
    system.celery.kill()
    time.sleep(scale.after)


def kill_beat(system: System, scale: Scale) -> None:
    """SIGKILL for beat."""
    system.beat.kill()
    time.sleep(scale.after)


def kill_redis(system: System, scale: Scale) -> None:
    """SIGKILL for Redis, which stays away for a while."""
    system.redis.hold(scale.redis_away)
    system.redis.kill()
    time.sleep(scale.redis_away + scale.after)


def kill_redis_with_a_busy_disk(system: System, scale: Scale) -> None:
    """SIGKILL for Redis, several times, while its disk is slow to take what has been written.

    A Redis that leaves its fsync to another thread holds back what it has acknowledged while that lasts.
    """
    for _ in range(BUSY_KILLS):
        with system.redis_client() as client:
            _keep_disk_busy(client)
        starts = system.redis.starts
        system.redis.kill()
        while system.redis.starts == starts or not valkey_answers(system.redis_port):
            time.sleep(0.05)
        time.sleep(scale.before)


def fill_redis(system: System, scale: Scale) -> set[str]:
    """Give Redis so much to remember that it needs seconds to read it; a recipe and visitors seen do that."""
    with system.redis_client() as client:
        for at in range(0, FILLING_KEYS, FILLING_AT_ONCE):
            client.eval(FILL, 0, at, at + FILLING_AT_ONCE)
    return set()


def reread(system: System, scale: Scale) -> None:
    """SIGKILL for a Redis that needs long to read its data; clicks are answered meanwhile."""
    starts = system.redis.starts
    system.redis.kill()
    while system.redis.starts == starts or not valkey_answers(system.redis_port):
        time.sleep(0.05)
    time.sleep(scale.after)


def kill_everything(system: System, scale: Scale) -> None:
    """SIGKILL for everything of ours at once."""
    for program in (system.web, system.redis, system.celery, system.beat):
        program.kill()
    time.sleep(1)
    _wait_for_workers(system)


def refuse(system: System, scale: Scale) -> None:
    """DynamoDB's port is closed."""
    _away(system, scale.dynamodb_fails)


def stay_away(system: System, scale: Scale) -> None:
    """DynamoDB's port is closed for long."""
    _away(system, scale.dynamodb_away)


def throttle(system: System, scale: Scale) -> None:
    """DynamoDB leaves half of each batch."""
    _mode(system, "throttle_half", scale.dynamodb_fails)


def throttle_all(system: System, scale: Scale) -> None:
    """DynamoDB refuses every batch as too much."""
    _mode(system, "throttle_all", scale.dynamodb_fails)


def fail(system: System, scale: Scale) -> None:
    """DynamoDB answers 500."""
    _mode(system, "error_500", scale.dynamodb_fails)


def hang_dynamodb(system: System, scale: Scale) -> None:
    """DynamoDB accepts requests and never answers; it carries every second one out."""
    _mode(system, "hang", scale.dynamodb_fails)


def fill_disk(system: System, scale: Scale) -> None:
    """No room for the spool while Redis is away: the clicks that are lost must be counted, each of them."""
    system.limit_files(SPOOL_LIMIT)
    system.redis.hold()
    system.redis.kill()
    time.sleep(scale.disk_full)
    system.limit_files(None)
    time.sleep(0.5)
    system.redis.release()
    time.sleep(scale.after)


def hang_redis(system: System, scale: Scale) -> None:
    """Redis stands still for three seconds, and goes on as if nothing had been."""
    system.redis.signal(signal.SIGSTOP)
    time.sleep(3)
    system.redis.signal(signal.SIGCONT)


def reload_web(system: System, scale: Scale) -> None:
    """SIGHUP: gunicorn replaces its workers, the old ones finish."""
    old = system.web_workers()
    system.web.signal(signal.SIGHUP)
    deadline = time.monotonic() + 30
    while any(_lives(pid) for pid in old) or len(system.web_workers()) < 2:
        if time.monotonic() > deadline:
            raise Broken("the workers were not replaced within 30 s")
        time.sleep(0.05)


def stop_web(system: System, scale: Scale) -> None:
    """SIGTERM, and a new start: what was accepted is answered first."""
    starts = system.web.starts
    system.web.signal(signal.SIGTERM)
    while system.web.starts == starts:
        time.sleep(0.05)
    _wait_for_workers(system)


def stop_celery(system: System, scale: Scale) -> None:
    """SIGTERM for the Celery worker, and a new start, as when a new version is rolled out."""
    starts = system.celery.starts
    system.celery.signal(signal.SIGTERM)
    deadline = time.monotonic() + 30
    while system.celery.starts == starts:
        if time.monotonic() > deadline:
            raise Broken("the Celery worker did not end within 30 s of SIGTERM")
        time.sleep(0.05)


def preload_backlog(system: System, scale: Scale) -> set[str]:
    """Fill the log while nobody delivers."""
    for program in (system.celery, system.beat):
        program.hold()
        program.kill()
    return preload(system, scale.backlog)


def deliver_backlog(system: System, scale: Scale) -> None:
    """Let delivery begin."""
    system.celery.release()
    system.beat.release()


def _keep_disk_busy(client: redis.Redis) -> None:
    """Write much, until Redis holds back what it should write, or for `BUSY_SECONDS`."""
    value = b"x" * BUSY_BYTES
    until = time.monotonic() + BUSY_SECONDS
    written = 0.0
    while (now := time.monotonic()) < until:
        if now - written >= BUSY_PAUSE_SECONDS:
            client.set("busy", value)
            written = now
        state = client.info("persistence")
        if state["aof_pending_bio_fsync"] and state["aof_buffer_length"]:
            return
        time.sleep(0.002)


def _away(system: System, seconds: float) -> None:
    system.dynamodb.hold(seconds)
    system.dynamodb.kill()
    time.sleep(seconds)


def _mode(system: System, mode: str, seconds: float) -> None:
    system.dynamodb_mode(mode)
    time.sleep(seconds)
    system.dynamodb_mode("ok")


def _wait_for_workers(system: System) -> None:
    deadline = time.monotonic() + 30
    while len(system.web_workers()) < 2:
        if time.monotonic() > deadline:
            raise Broken("gunicorn does not come back")
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


FAULTS = (
    Fault("none", "no fault", lambda _, scale: time.sleep(scale.after)),
    Fault("worker-killed", "a web worker is killed", kill_worker),
    Fault("master-killed", "gunicorn's master is killed", kill_master),
    Fault("celery-killed", "Celery is killed", kill_celery),
    Fault("celery-stopped", "Celery is stopped in good order", stop_celery),
    Fault("beat-killed", "beat is killed", kill_beat),
    Fault("redis-killed", "Redis is killed and stays away", kill_redis),
    Fault("redis-killed-busy", "Redis is killed while its disk is busy", kill_redis_with_a_busy_disk),
    Fault("redis-killed-full", "Redis is killed and reads its data for long", reread, prepare=fill_redis),
    Fault("redis-hangs", "Redis hangs for 3 s", hang_redis),
    Fault("everything-killed", "everything is killed at once", kill_everything),
    Fault("dynamodb-refuses", "DynamoDB refuses connections", refuse),
    Fault("dynamodb-throttles", "DynamoDB leaves half of each batch", throttle),
    Fault("dynamodb-throttles-all", "DynamoDB refuses every batch as too much", throttle_all),
    Fault("dynamodb-fails", "DynamoDB answers 500", fail),
    Fault("dynamodb-hangs", "DynamoDB accepts and does not answer", hang_dynamodb),
    Fault("dynamodb-away", "DynamoDB is away for long", stay_away),
    Fault("disk-full", "the spool's disk is full while Redis is away", fill_disk, loses=True),
    Fault("web-reloaded", "gunicorn reloads (SIGHUP)", reload_web, drains=True),
    Fault("web-stopped", "gunicorn is stopped (SIGTERM) and started", stop_web, drains=True),
    Fault("backlog", "a long backlog is delivered", deliver_backlog, prepare=preload_backlog),
)
