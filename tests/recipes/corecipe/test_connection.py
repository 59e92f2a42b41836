"""The listener against servers that break the protocol below it, answer by one transport only, or hang."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from subprocess import Popen
from unittest.mock import create_autospec

import pytest
import redis
import socketio

from devstack.services import LOCALHOST, Service, free_port
from recipes.corecipe.connection import LONGEST_PAUSE_SECONDS, Connection, CoRecipeHandler, announced_number
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.processes import DEADLINE_SECONDS, running, wait_until
from tests.recipe import make_live, offer_blob
from tests.recipes.fake_corecipe import FakeCoRecipe, now_ms
from tests.recipes.raw_corecipe import RawCoRecipe

OFFERS = RecipeKind.OFFERS


@pytest.fixture
def store(redis_client: redis.Redis, aws_endpoint: str) -> RecipeStore:
    store = RecipeStore(redis_client)
    make_live(store, OFFERS, {1: offer_blob(1)})
    return store


@pytest.fixture
def server() -> Iterator[RawCoRecipe]:
    with RawCoRecipe() as server:
        yield server


def listener(url: str) -> AbstractContextManager[Popen[bytes]]:
    return running("manage.py", "recipe_listen", SOCKET_HOST=url, RECIPE_CHECK_SECONDS="0.2")


def send_update(server: RawCoRecipe, offer_id: int) -> None:
    message = {"type": "offer", "id": offer_id, "action": "update", "timestamp": now_ms()}
    server.send_event("updRecipe", message | {"body": offer_blob(offer_id).decode()})


def malformed(store: RecipeStore) -> int:
    state = store.listener_state()
    return state.malformed if state else -1


def test_pauses_between_attempts_stay_short() -> None:
    # A message that co-recipe sends half a minute after the first client came must find us there.
    assert LONGEST_PAUSE_SECONDS * 1.5 <= 15


def test_while_there_is_no_room_nothing_is_read_and_nothing_is_lost(
    store: RecipeStore, redis_client: redis.Redis, server: RawCoRecipe
) -> None:
    name = "x" * 900_000
    with listener(server.url):
        wait_until(lambda: server.packets, what="a connection")
        redis_client.client_pause(3_000)
        for offer_id in range(1, 201):
            body = offer_blob(offer_id, name=name).decode()
            message = {"type": "offer", "id": offer_id, "action": "update", "timestamp": now_ms()}
            server.send_event("updRecipe", message | {"body": body})
        wait_until(lambda: store.get(OFFERS, 200), what="the last update")
        assert server.connections == 1
        # The file that another test has left in S3 may have brought further ones.
        assert all(store.get(OFFERS, offer_id) for offer_id in range(1, 201))


UNREADABLE: list[str | bytes] = [
    "4",
    "42",
    "42[",
    "42[]",
    "42{}",
    '42[{"a":1},2]',
    '42[["x"]]',
    '42["unknown\\nevent"]',
    "49",
    "4x",
    '4599999999999-["x"]',
    '42["updRecipe",' + "[" * 100_000 + "]" * 100_000 + "]",
    '42["updRecipe",' + "9" * 5000 + "]",
    b"\xff\x00",
]


def test_packets_that_are_no_events_are_counted_one_by_one(store: RecipeStore, server: RawCoRecipe) -> None:
    with listener(server.url):
        wait_until(lambda: server.packets and malformed(store) == 0, what="a connection")
        for packet in UNREADABLE:
            server.send(packet)
        send_update(server, 7)
        wait_until(lambda: store.get(OFFERS, 7), what="the update after the junk")
        wait_until(lambda: malformed(store) == len(UNREADABLE), what="the count")
        assert server.connections == 1


@pytest.mark.parametrize("packet", ["45", '451-["x",{"_placeholder":true,"num":0}]', '452-["updRecipe"]'])
def test_attachments_that_never_come_swallow_no_update(
    store: RecipeStore, server: RawCoRecipe, packet: str
) -> None:
    with listener(server.url):
        wait_until(lambda: server.packets, what="a connection")
        server.send(packet)
        send_update(server, 7)
        wait_until(lambda: store.get(OFFERS, 7), what="the update")


@pytest.mark.parametrize("packet", ["44", '44{"message":"\\ud800"}', "41", "1", "x", "", "4" * 10_000_000])
def test_a_connection_that_was_talked_dead_is_made_anew(
    store: RecipeStore, server: RawCoRecipe, packet: str
) -> None:
    with listener(server.url):
        wait_until(lambda: server.packets, what="a connection")
        server.send(packet)
        wait_until(lambda: server.connections == 2, what="the next connection")
        server.packets.clear()
        wait_until(lambda: server.packets, what="a check")


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error", "__disconnect_final", "*"])
def test_an_event_with_a_name_of_the_librarys_own_changes_nothing(
    store: RecipeStore, server: RawCoRecipe, name: str
) -> None:
    with listener(server.url):
        wait_until(lambda: server.packets, what="a connection")
        server.send_event(name, 1)
        server.packets.clear()
        wait_until(lambda: len(server.packets) >= 8, what="further checks")
        assert server.connections == 1


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_one_transport_is_enough(store: RecipeStore, monkeypatch: pytest.MonkeyPatch, transport: str) -> None:
    anything = socketio.AsyncServer
    monkeypatch.setattr(
        socketio, "AsyncServer", lambda **options: anything(transports=[transport], **options)
    )
    with FakeCoRecipe(free_port()) as server, listener(server.url):
        wait_until(lambda: server.requests, what="a check")


def test_a_server_that_accepts_and_says_nothing_is_given_up_for_the_next_try(store: RecipeStore) -> None:
    with socket.create_server((LOCALHOST, 0)) as silent:
        silent.settimeout(DEADLINE_SECONDS)
        port = silent.getsockname()[1]
        with listener(f"http://{LOCALHOST}:{port}"):
            connections = [silent.accept()[0] for _ in range(3)]
    for connection in connections:
        connection.close()


def test_a_redis_that_hangs_does_not_hold_it_up(store: RecipeStore, valkey: Service) -> None:
    with FakeCoRecipe(free_port()) as server, listener(server.url) as process:
        wait_until(lambda: server.requests, what="a connection")
        assert valkey.pid
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            # Less than it would wait for Redis.
            assert process.wait(DEADLINE_SECONDS) == 0
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


def test_without_a_host_it_says_what_to_set(store: RecipeStore) -> None:
    with listener("") as process:
        assert process.wait(DEADLINE_SECONDS) == 1


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ((5,), 5),
        (("5",), 5),
        ((5.0,), 5),
        ((0,), None),
        ((-5,), None),
        ((True,), None),
        (("",), None),
        (("-5",), None),
        ((5.5,), None),
        ((float("nan"),), None),
        ((float("inf"),), None),
        ((10**30,), None),
        ((), None),
        ((1, 2), None),
        (([5],), None),
    ],
)
def test_only_a_positive_number_is_an_announcement(arguments: tuple[object, ...], number: int | None) -> None:
    assert announced_number(arguments) == number


def test_a_connection_ends_at_whatever_moment_it_is_cancelled() -> None:
    handler = create_autospec(CoRecipeHandler, instance=True)
    handler.has_room.return_value = True

    async def cancel_after(seconds: float, url: str) -> None:
        connected = asyncio.create_task(Connection(url, handler).run())
        await asyncio.sleep(seconds)
        connected.cancel()
        await asyncio.wait([connected])

    async def scenario(url: str) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(*(cancel_after(at / 1000, url) for at in range(150)))

    with FakeCoRecipe(free_port()) as server:
        asyncio.run(scenario(server.url))
