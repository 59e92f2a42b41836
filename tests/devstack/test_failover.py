"""Two stand-ins over one truth: what an instance does when the first is killed, and when it is back."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import TYPE_CHECKING

import boto3
import pytest
import redis

from devstack.corecipe import changes_queue_url
from devstack.services import LOCALHOST, free_port, wait_for_port
from devstack.truth import FILE_NAME, Truth
from recipes.file.download import local_path
from recipes.records.kinds import RecipeKind
from recipes.store.status import HostState
from recipes.store.store import RecipeStore
from tests.processes import command, running, wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def truth(tmp_path: Path, s3: "S3Client") -> Truth:
    queue = boto3.client("sqs", region_name="us-east-1")
    queue.purge_queue(QueueUrl=changes_queue_url(queue))
    return Truth.seeded(tmp_path / FILE_NAME, "http://localhost:5002")


@pytest.fixture
def store(redis_client: redis.Redis) -> Iterator[RecipeStore]:
    yield RecipeStore(redis_client)
    for kind in RecipeKind:
        local_path(kind).unlink(missing_ok=True)


def corecipe(state: Path, port: int) -> AbstractContextManager[Popen[bytes]]:
    options = ("--port", str(port), "--truth", str(state / FILE_NAME), "--upload-seconds", "0.5")
    return running("-m", "devstack.corecipe", *options)


def host(store: RecipeStore, at: int) -> HostState | None:
    """What the listener tells of the master (0) or the slave (1)."""
    state = store.listener_state()
    return state.hosts[at] if state else None


def is_asked(store: RecipeStore, at: int, since_ms: int) -> bool:
    state = host(store, at)
    return state is not None and (state.last_check_ms or 0) > since_ms


def test_the_slave_announces_and_updates_while_the_master_is_away(
    tmp_path: Path, truth: Truth, store: RecipeStore
) -> None:
    ports = [free_port(), free_port()]
    urls = [f"http://{LOCALHOST}:{port}" for port in ports]
    with corecipe(tmp_path, ports[1]), corecipe(tmp_path, ports[0]) as master:
        for port in ports:
            wait_for_port(port)
        environment = {"SOCKET_HOST": urls[0], "SOCKET_HOST_SLAVE": urls[1], "RECIPE_CHECK_SECONDS": "0.5"}
        with running("manage.py", "recipe_listen", **environment):
            wait_until(lambda: store.meta(OFFERS).announced_size, what="the first load")
            before = store.meta(OFFERS).announced_size
            master.send_signal(signal.SIGKILL)
            master.wait()

            truth.put("offer", (truth.get("offer", 101) or {}) | {"comment": "x" * 1000})
            wait_until(
                lambda: store.meta(OFFERS).announced_size not in (0, before), what="the slave's number"
            )
            command("manage.py", "devstack_change", "offer", "101", "--name", "new", "--state", str(tmp_path))
            wait_until(lambda: b'"new"' in (store.get(OFFERS, 101) or b""), what="the slave's update")

            with corecipe(tmp_path, ports[0]):
                wait_until(lambda: (state := host(store, 0)) and state.connected_since_ms, what="the master")
                slave = host(store, 1)
                assert slave
                wait_until(lambda: is_asked(store, 0, slave.last_check_ms or 0), what="checks of the master")
