"""`manage.py recipe_listen` as a process of its own, talking to real socket.io servers."""

import gzip
import json
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import pytest
import redis

from devstack.services import free_port
from recipes.corecipe.listener import Listener
from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.processes import DEADLINE_SECONDS, running, wait_until
from tests.recipe import make_live, offer_blob
from tests.recipes.fake_corecipe import FakeCoRecipe, now_ms

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS
OFFERS_CHECK, CAMPAIGNS_CHECK = "fileSizeOffersCheck", "fileSizeCampaignsCheck"


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    for kind in RecipeKind:
        local_path(kind).unlink(missing_ok=True)


@pytest.fixture
def master() -> Iterator[FakeCoRecipe]:
    with FakeCoRecipe(free_port()) as server:
        yield server


def listener(
    master: FakeCoRecipe, slave: FakeCoRecipe | None = None, check_seconds: float = 0.3
) -> AbstractContextManager[Popen[bytes]]:
    return running(
        "manage.py",
        "recipe_listen",
        SOCKET_HOST=master.url,
        SOCKET_HOST_SLAVE=slave.url if slave else "",
        RECIPE_CHECK_SECONDS=str(check_seconds),
    )


def upload(s3: "S3Client", *offer_ids: int) -> None:
    offers = [json.loads(offer_blob(offer_id)) for offer_id in offer_ids]
    body = gzip.compress(json.dumps(offers).encode())
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=body)


def update(offer_id: int, **fields: Any) -> dict[str, Any]:
    message = {"comments": "", "type": "offer", "id": offer_id, "action": "updateOrCreate", "project": "t"}
    return {**message, "timestamp": now_ms(), "body": offer_blob(offer_id).decode(), **fields}


def test_it_asks_on_connect_with_0_when_nothing_is_live(store: RecipeStore, master: FakeCoRecipe) -> None:
    with listener(master, check_seconds=60):
        wait_until(lambda: len(master.requests) >= 2, what="a check")
        assert master.requests[:2] == [(OFFERS_CHECK, 0), (CAMPAIGNS_CHECK, 0)]


def test_an_announcement_goes_live_and_its_number_is_remembered(
    s3: "S3Client", store: RecipeStore, master: FakeCoRecipe
) -> None:
    upload(s3, 1, 2)
    master.numbers[OFFERS_CHECK] = 4711
    with listener(master):
        wait_until(lambda: store.meta(OFFERS).announced_size == 4711, what="the load")
        assert store.live_count(OFFERS) == 2
        wait_until(lambda: master.numbers_asked(OFFERS_CHECK)[-1] == 4711, what="a check with the new number")


def test_a_failed_download_is_announced_and_tried_again(
    s3: "S3Client", store: RecipeStore, master: FakeCoRecipe
) -> None:
    master.numbers[OFFERS_CHECK] = 4711
    with listener(master):
        wait_until(lambda: store.meta(OFFERS).last_error, what="a failure")
        assert set(master.numbers_asked(OFFERS_CHECK)) == {0}
        upload(s3, 1)
        wait_until(lambda: store.meta(OFFERS).announced_size == 4711, what="the load")
        assert store.meta(OFFERS).last_error is None


def test_a_corrupt_recipe_announced_again_and_again_slows_down(
    s3: "S3Client", store: RecipeStore, master: FakeCoRecipe
) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    s3.put_object(Bucket="co-recipe-staging", Key="offersRecipe.json.gz", Body=b"junk")
    master.numbers[OFFERS_CHECK] = 4711
    with listener(master, check_seconds=0.1):
        wait_until(lambda: failures(store) >= 2, what="a second failure")
        before = len(master.numbers_asked(OFFERS_CHECK))
        wait_until(lambda: len(master.numbers_asked(OFFERS_CHECK)) >= before + 10, what="further checks")
        assert failures(store) <= 3
        assert store.live_count(OFFERS) == 1
        assert "no gzip file" in (store.meta(OFFERS).last_error or "")


def wait_for_checks(server: FakeCoRecipe) -> None:
    """Return after three further rounds of checks."""
    before = len(server.requests)
    wait_until(lambda: len(server.requests) >= before + 6, what="further checks")


def connected(store: RecipeStore) -> bool:
    """Whether the listener says that it is connected to the master."""
    state = store.listener_state()
    return bool(state and state.hosts[0].connected_since_ms)


def failures(store: RecipeStore) -> int:
    state = store.listener_state()
    return state.syncs["offers"].failures if state else 0


def test_an_update_is_applied_at_once(store: RecipeStore, master: FakeCoRecipe) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    with listener(master):
        wait_until(lambda: master.requests, what="a connection")
        master.emit("updRecipe", update(1, body=offer_blob(1, name="changed").decode()))
        wait_until(lambda: b"changed" in (store.get(OFFERS, 1) or b""), what="the update")
        master.emit("updRecipe", update(1, action="delete", body=""))
        wait_until(lambda: store.get(OFFERS, 1) is None, what="the delete")


NASTY_ARGUMENTS: list[tuple[Any, ...]] = [
    ("x" * 1_000_000,),
    (None,),
    (-1,),
    (0,),
    (True,),
    (1.5,),
    ({"type": {"type": []}},),
    ([[[[[]]]]],),
    (1, 2, 3),
    (b"\xff\x00",),
]
EVENTS = ("updRecipe", OFFERS_CHECK, CAMPAIGNS_CHECK, "unknownEvent")


def test_whatever_it_is_sent_it_goes_on(store: RecipeStore, master: FakeCoRecipe) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    with listener(master) as process:
        wait_until(lambda: master.requests, what="a connection")
        for event in EVENTS:
            for arguments in NASTY_ARGUMENTS:
                master.emit(event, *arguments)
        master.emit("updRecipe", update(7))
        wait_until(lambda: store.get(OFFERS, 7), what="the update after the junk")
        assert (process.poll(), master.connections) == (None, 1)
        wait_until(lambda: (state := store.listener_state()) and state.malformed >= 20, what="the count")


def test_after_a_restart_of_co_recipe_it_asks_at_once(store: RecipeStore, master: FakeCoRecipe) -> None:
    with listener(master, check_seconds=60):
        wait_until(lambda: len(master.requests) >= 2, what="a first check")
        master.stop()
        wait_until(lambda: not connected(store), what="the end of the connection")
        master.requests.clear()
        master.start()
        wait_until(lambda: len(master.requests) >= 2, what="a check after the restart")


def test_the_slave_is_asked_only_while_the_master_is_away(store: RecipeStore, master: FakeCoRecipe) -> None:
    with FakeCoRecipe(free_port()) as slave, listener(master, slave):
        wait_until(lambda: len(master.requests) >= 6 and slave.connections, what="checks")
        slave.requests.clear()
        wait_for_checks(master)
        assert slave.requests == []
        master.stop()
        wait_until(lambda: len(slave.requests) >= 4, what="checks of the slave")
        master.start()
        wait_for_checks(master)
        slave.requests.clear()
        wait_for_checks(master)
        assert slave.requests == []


def test_updates_wait_while_redis_is_away(
    store: RecipeStore, master: FakeCoRecipe, valkey: Any, redis_url: str
) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    with listener(master):
        wait_until(lambda: master.requests, what="a connection")
        valkey.kill()
        master.emit("updRecipe", update(5))
        time.sleep(1)
        valkey.start()
        fresh = RecipeStore(redis.Redis.from_url(redis_url))
        wait_until(lambda: fresh.get(OFFERS, 5), what="the update")


@pytest.mark.parametrize("member", ["body", "comments", "unknown"])
def test_so_many_characters_wait_as_the_limit_says_wherever_they_are(
    store: RecipeStore, monkeypatch: pytest.MonkeyPatch, member: str
) -> None:
    monkeypatch.setattr("recipes.corecipe.listener.MAX_WAITING_CHARACTERS", 5_000_000)
    waiting = Listener(store, [], check_seconds=20)
    for _ in range(5):
        assert waiting.has_room()
        waiting.take_update(update(1, **{member: "x" * 1_000_000}))
    assert not waiting.has_room()


@pytest.mark.parametrize("message", ["x" * 5_000_000, b"x", None, [1], 7])
def test_what_is_no_object_is_counted_and_does_not_wait(
    store: RecipeStore, monkeypatch: pytest.MonkeyPatch, message: Any
) -> None:
    monkeypatch.setattr("recipes.corecipe.listener.MAX_WAITING_UPDATES", 1)
    waiting = Listener(store, [], check_seconds=20)
    waiting.take_update(message)
    assert (waiting.has_room(), waiting.state().updates) == (True, {"malformed": 1})


@pytest.mark.parametrize("connected", [True, False])
def test_it_stops_when_it_is_asked_to(store: RecipeStore, master: FakeCoRecipe, connected: bool) -> None:
    if not connected:
        master.stop()
    with listener(master) as process:
        if connected:
            wait_until(lambda: master.requests, what="a connection")
        wait_until(store.listener_state, what="its state")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
