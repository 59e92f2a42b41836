"""One sync of a kind at a time: across threads here, which is the same to Redis as across processes."""

import threading

import pytest
import redis

from recipes.records.kinds import RecipeKind
from recipes.store import lock
from recipes.store.lock import AlreadyWaiting, LockLost, one_at_a_time
from recipes.store.store import RecipeStore
from tests.processes import DEADLINE_SECONDS, wait_until

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(redis_client: redis.Redis) -> RecipeStore:
    return RecipeStore(redis_client)


def start_waiting(store: RecipeStore, done: list[str]) -> threading.Thread:
    """A thread that waits for the lock, and writes down that it had it."""

    def wait() -> None:
        with one_at_a_time(store, OFFERS):
            done.append("waited")

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(store.lock(OFFERS, "waiting", lock.LOCK_SECONDS).locked, what="the thread")
    return thread


def test_a_request_that_arrives_meanwhile_runs_afterwards(store: RecipeStore) -> None:
    done: list[str] = []
    with one_at_a_time(store, OFFERS):
        thread = start_waiting(store, done)
        done.append("first")
    thread.join(DEADLINE_SECONDS)
    assert done == ["first", "waited"]


def test_of_several_requests_meanwhile_only_one_waits(store: RecipeStore) -> None:
    with one_at_a_time(store, OFFERS):
        thread = start_waiting(store, [])
        with pytest.raises(AlreadyWaiting), one_at_a_time(store, OFFERS):
            pass
    thread.join(DEADLINE_SECONDS)


def test_kinds_do_not_wait_for_each_other(store: RecipeStore) -> None:
    with one_at_a_time(store, OFFERS), one_at_a_time(store, RecipeKind.CAMPAIGNS) as renew:
        renew()


def test_a_killed_holder_does_not_keep_the_lock(store: RecipeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LOCK_SECONDS", 0.5)
    store.lock(OFFERS, "running", 0.5).acquire()
    with one_at_a_time(store, OFFERS) as renew:
        renew()


def test_a_holder_that_lost_its_lock_is_told(store: RecipeStore, redis_client: redis.Redis) -> None:
    with one_at_a_time(store, OFFERS) as renew:
        redis_client.flushall()
        with pytest.raises(LockLost, match="lost the lock"):
            renew()
