"""What fails on the way: S3 in trouble, killed loaders, syncs at once, updates during loads, wrong clocks."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from devstack.services import free_port
from recipes.corecipe.updates import UpdateOutcome, apply
from recipes.file import download
from recipes.file.download import CannotReachS3, local_path
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.sync import SyncRequest, sync
from tests.processes import DEADLINE_SECONDS, PROJECT, running, wait_until
from tests.recipe import make_live, offer_blob
from tests.recipes.bad_s3 import BadS3
from tests.recipes.fake_corecipe import FakeCoRecipe, now_ms

OFFERS = RecipeKind.OFFERS
MINUTE_MS = 60_000


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    local_path(OFFERS).unlink(missing_ok=True)


def packed(*offer_ids: int, **fields: Any) -> bytes:
    offers = [json.loads(offer_blob(offer_id, **fields)) for offer_id in offer_ids]
    return gzip.compress(json.dumps(offers).encode(), compresslevel=1)


def write_local(body: bytes, modified_ms: int | None = None) -> None:
    path = local_path(OFFERS)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    if modified_ms is not None:
        os.utime(path, ns=(modified_ms * 1_000_000,) * 2)


@pytest.mark.parametrize("trouble", ["500", "403", "slow", "truncated", "wrong checksum"])
def test_s3_in_trouble_changes_nothing_and_afterwards_all_is_well(
    store: RecipeStore, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(download, "READ_SECONDS", 1)
    live = make_live(store, OFFERS, {1: offer_blob(1)})
    with BadS3() as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
        s3.body, s3.trouble = packed(1, 2), trouble
        with pytest.raises((CannotReachS3, RecipeRejected)) as caught:
            sync(SyncRequest(kind=OFFERS), store)
        assert store.meta(OFFERS).last_error == str(caught.value)
        assert (store.live_count(OFFERS), local_path(OFFERS).exists()) == (1, False)
        s3.trouble = ""
        assert sync(SyncRequest(kind=OFFERS), store).count == 2
    assert store.meta(OFFERS).last_error is None
    assert live


def test_of_two_syncs_started_together_one_loads(store: RecipeStore) -> None:
    """The other waits, and finds nothing to do; where the first has not begun yet, it leaves all to that."""
    write_local(packed(*range(1, 3000)))
    command = [sys.executable, "manage.py", "recipe_sync", "offers", "--from-file", "--json"]
    processes = [subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) for _ in range(2)]
    reports = [json.loads(process.communicate()[0])["kinds"]["offers"] for process in processes]
    outcomes = sorted(report["outcome"] for report in reports)
    assert outcomes in (["done", "unchanged"], ["done", "left to another sync"])
    assert store.live_count(OFFERS) == 2999


def test_a_killed_loader_leaves_what_is_live_and_the_next_one_loads(store: RecipeStore) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    write_local(packed(*range(1, 40_000)))
    with running("manage.py", "recipe_sync", "offers", "--from-file", "--force") as loader:
        wait_until(lambda: half_loaded(store), what="the load")
        loader.send_signal(signal.SIGKILL)
        loader.wait()
    assert store.live_count(OFFERS) == 1
    assert sync(SyncRequest(kind=OFFERS, from_file=True), store).count == 39_999


def half_loaded(store: RecipeStore) -> bool:
    """Whether a generation that is not live yet has records."""
    live = store.meta(OFFERS).generation
    client: Any = store.redis
    return any(key != f"recipe:offers:{live}".encode() for key in client.keys("recipe:offers:[0-9]*"))


def test_a_listener_killed_during_a_load_does_no_harm(store: RecipeStore) -> None:
    with FakeCoRecipe(free_port()) as corecipe, BadS3() as s3:
        s3.body = packed(*range(1, 40_000))
        corecipe.numbers["fileSizeOffersCheck"] = 4711
        environment = {"SOCKET_HOST": corecipe.url, "RECIPE_CHECK_SECONDS": "0.5", "AWS_ENDPOINT_URL": s3.url}
        with running("manage.py", "recipe_listen", **environment) as listener:
            wait_until(lambda: half_loaded(store), what="the load")
            listener.send_signal(signal.SIGKILL)
            listener.wait()
        with running("manage.py", "recipe_listen", **environment):
            wait_until(lambda: store.meta(OFFERS).announced_size == 4711, what="the load by the next one")
    assert store.live_count(OFFERS) == 39_999


def test_a_thousand_updates_during_a_load_end_in_the_truth(store: RecipeStore, redis_url: str) -> None:
    count = 100_000
    truth = {offer_id: offer_blob(offer_id, name="file") for offer_id in range(1, count + 1)}
    write_local(gzip.compress(b"[" + b",".join(truth.values()) + b"]", compresslevel=1), now_ms() - MINUTE_MS)
    sync(SyncRequest(kind=OFFERS, from_file=True), store)
    loads, done = list[int](), threading.Event()

    def load_again_and_again() -> None:
        while not done.is_set():
            loads.append(sync(SyncRequest(kind=OFFERS, from_file=True, force=True), store).count)

    thread = threading.Thread(target=load_again_and_again)
    thread.start()
    with redis.Redis.from_url(redis_url) as client:
        updates = RecipeStore(client)
        for at in range(1000):
            offer_id = at * 97 % (count + 500) + 1
            delete = at % 5 == 0
            body = "" if delete else offer_blob(offer_id, name=f"update {at}").decode()
            message = {"type": "offer", "id": offer_id, "timestamp": now_ms() + at, "body": body}
            result = apply(updates, {**message, "action": "delete" if delete else "update"})
            assert result.outcome is UpdateOutcome.APPLIED
            if delete:
                truth.pop(offer_id, None)
            else:
                truth[offer_id] = body.encode()
        done.set()
        thread.join(DEADLINE_SECONDS)
        assert set(loads) == {count}
        generation = updates.meta(OFFERS).generation
        live: Any = client.hgetall(f"recipe:offers:{generation}")
    assert {int(offer_id): blob for offer_id, blob in live.items()} == truth


@pytest.mark.parametrize("skew_ms", [-MINUTE_MS, 0, MINUTE_MS])
def test_clocks_a_minute_apart_lose_no_update(store: RecipeStore, skew_ms: int) -> None:
    """co-recipe's clock is off by `skew_ms`; the update came while the file was being written."""
    make_live(store, OFFERS, {1: offer_blob(1)})
    written_at = now_ms()
    message = {"type": "offer", "id": 1, "action": "update", "timestamp": written_at + skew_ms}
    apply(store, message | {"body": offer_blob(1, name="updated").decode()})
    write_local(packed(1, name="file"), written_at)
    sync(SyncRequest(kind=OFFERS, from_file=True), store)
    assert b"updated" in (store.get(OFFERS, 1) or b"")
    later = message | {"timestamp": written_at + skew_ms + 1, "body": offer_blob(1, name="later").decode()}
    assert apply(store, later).outcome is UpdateOutcome.APPLIED


def test_a_restarted_redis_still_has_the_recipe_and_the_journal(
    store: RecipeStore, valkey: Any, redis_url: str
) -> None:
    make_live(store, OFFERS, {1: offer_blob(1)})
    message = {"type": "offer", "id": 1, "action": "delete", "timestamp": now_ms()}
    apply(store, message)
    valkey.kill()
    valkey.start()
    with redis.Redis.from_url(redis_url) as client:
        again = RecipeStore(client)
        assert (again.live_count(OFFERS), again.meta(OFFERS).generation) == (0, 1)
        assert apply(again, message).outcome is UpdateOutcome.REPEATED
