"""What may go wrong when something is full: Redis' memory, the descriptors of a worker, the one disk."""

import os
import time
from collections.abc import Callable
from contextlib import suppress

import redis

from devstack.services import LOCALHOST
from tests.faults.fault import Broken, Scale
from tests.faults.reconcile import read_answers_file
from tests.faults.system import System
from tests.processes import DEADLINE_SECONDS

MEMORY_BYTES = 32 * 1024 * 1024
# Something else takes this share of the memory, less than that from which on clicks stay away.
FILLED_SHARE = 0.72
NO_MASTER_PORT = 1
FILLING_BYTES = 64 * 1024


def fill_memory(system: System, scale: Scale) -> None:
    """DynamoDB is away until Redis' memory is used up as far as clicks may, then comes back."""
    with system.redis_client() as client:
        system.dynamodb.hold()
        system.dynamodb.kill()
        filling = int(FILLED_SHARE * MEMORY_BYTES) - int(client.info("memory")["used_memory"])
        # Redis makes it as long as that by itself; to send it would take the memory twice.
        client.setrange("filling", filling, "x")
        client.config_set("maxmemory", MEMORY_BYTES)
        try:
            _wait(
                system.spooled, DEADLINE_SECONDS, "clicks still go to Redis, whose memory should be used up"
            )
            until = time.monotonic() + scale.redis_full
            while time.monotonic() < until:
                _write(client)
                time.sleep(0.2)
        finally:
            system.dynamodb.release()
        _heal(system, scale)
        client.delete("filling")
        client.config_set("maxmemory", 0)


def fill_memory_entirely(system: System, scale: Scale) -> None:
    """Redis refuses every write that needs memory, Celery's too; then it has room again."""
    with system.redis_client() as client:
        client.config_set("maxmemory", 1)
        time.sleep(scale.redis_full)
        client.config_set("maxmemory", 0)
    _heal(system, scale)


def make_read_only(system: System, scale: Scale) -> None:
    """Redis is the replica of a master that is not there, and takes no writes; then it is its own master."""
    with system.redis_client() as client:
        client.replicaof(LOCALHOST, str(NO_MASTER_PORT))
        time.sleep(scale.redis_full)
        client.replicaof("NO", "ONE")
    _heal(system, scale)


def use_up_descriptors(system: System, scale: Scale) -> None:
    """No web worker can open anything more, and Redis is killed; then they can again."""
    system.limit_descriptors()
    system.redis.hold(scale.redis_away)
    system.redis.kill()
    time.sleep(scale.redis_away + scale.after)
    system.unlimit_descriptors()
    _heal(system, scale)


def fill_the_one_disk(system: System, scale: Scale) -> None:
    """The disk of log and spool is full, until room is made."""
    until = time.monotonic() + scale.disk_full
    _fill_disk(system, lambda: time.monotonic() > until)
    _heal(system, scale)


def fill_the_one_disk_until_clicks_are_refused(system: System, scale: Scale) -> None:
    """The disk of log and spool is full, with the reserve used up, until a click is refused."""
    until = time.monotonic() + DEADLINE_SECONDS
    answers = system.directory / "answers"
    _fill_disk(system, lambda: read_answers_file(answers).other_status > 0 or time.monotonic() > until)
    _heal(system, scale)


def may_mount() -> bool:
    """Whether a disk can be mounted here."""
    return os.geteuid() == 0


def _fill_disk(system: System, enough: Callable[[], bool]) -> None:
    """Take what room the disk of log and spool has, again and again until `enough`; then give it back."""
    filling = system.disk / "filling"
    with filling.open("wb", buffering=0) as file:
        while not enough():
            with suppress(OSError):
                while file.write(b"x" * FILLING_BYTES):
                    pass
            # Redis ends, and what it held on to is free again.
            time.sleep(0.1)
    filling.unlink()


def _write(client: redis.Redis) -> None:
    try:
        client.set("celery", "needs to write")
    except redis.exceptions.OutOfMemoryError:
        raise Broken("clicks have left no memory to delivery") from None


def _heal(system: System, scale: Scale) -> None:
    _wait(
        lambda: not system.spooled(),
        scale.heal,
        "clicks still go to the spool long after the cause's end",
    )


def _wait(condition: Callable[[], object], seconds: float, problem: str) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Broken(problem)
        time.sleep(0.05)
