"""What may go wrong with Redis, and with the disk of the spool behind it."""

import signal
import time

import redis

from devstack.services import valkey_answers
from tests.faults.fault import Scale
from tests.faults.system import System

# The spool of one worker, in bytes: less than what the clicks of a second need.
SPOOL_LIMIT = 64 * 1024
BUSY_BYTES = 8_000_000
BUSY_PAUSE_SECONDS = 0.05
BUSY_SECONDS = 4.0
BUSY_KILLS = 3
FILLING_KEYS = 2_000_000
FILLING_AT_ONCE = 20_000
FILL = "for at = ARGV[1], ARGV[2] do redis.call('SET', 'filling:' .. at, string.rep('x', 100)) end"


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


def hang_redis(system: System, scale: Scale) -> None:
    """Redis stands still for three seconds, and goes on as if nothing had been."""
    system.redis.signal(signal.SIGSTOP)
    time.sleep(3)
    system.redis.signal(signal.SIGCONT)


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
