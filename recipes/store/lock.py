"""Lets one sync of a kind run at a time, across processes. One more may wait; it covers all others."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import LockError, RedisError

from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore

# A killed holder loses its lock after this time; a living one renews it as it goes along.
LOCK_SECONDS = 15.0
WAIT_STEP_SECONDS = 4.0
RENEW_SECONDS = 3.0

Renew = Callable[[], object]


class AlreadyWaiting(Exception):
    """One sync of this kind is running and another waits; that one will do what was requested."""


class LockLost(Exception):
    """The lock expired, or Redis was flushed: another sync may be running by now."""


@contextmanager
def one_at_a_time(store: RecipeStore, kind: RecipeKind) -> Iterator[Renew]:
    """Hold the lock of a kind, waiting for it if need be. Yields the function that renews it.

    The holder has to call it at least every `LOCK_SECONDS`; it raises `LockLost` if that was too late. Raises
    `AlreadyWaiting` if someone else waits already.
    """
    waiting = store.lock(kind, "waiting", LOCK_SECONDS)
    running = store.lock(kind, "running", LOCK_SECONDS)
    if not waiting.acquire(blocking=False):
        raise AlreadyWaiting(f"{kind}: a sync is running, and one more waits for it")
    try:
        while not running.acquire(blocking_timeout=WAIT_STEP_SECONDS):
            waiting.reacquire()
    finally:
        with suppress(LockError):
            waiting.release()

    def renew() -> None:
        try:
            running.reacquire()
        except LockError as error:
            raise LockLost(f"{kind}: lost the lock on syncs ({error})") from error

    try:
        yield renew
    finally:
        with suppress(LockError):
            running.release()


@contextmanager
def renewed_meanwhile(renew: Renew) -> Iterator[None]:
    """Renew a lock from a thread, while the block waits for something that has a time limit of its own.

    A lock that is lost meanwhile is noticed by whoever renews it next.
    """
    ended = threading.Event()

    def keep() -> None:
        with suppress(LockLost, RedisError):
            while not ended.wait(RENEW_SECONDS):
                renew()

    thread = threading.Thread(target=keep, name="renews a lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
