"""`make dev` for real: it starts, answers clicks, says what is wrong, and leaves nothing behind."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.demo import SHOWCASE
from devstack.environment import DEMO_ENCRYPTION_KEY
from devstack.services import LOCALHOST
from offers.links.tokens import encrypt
from tests import http_client
from tests.processes import DEADLINE_SECONDS
from tests.stacks import Stack, first_free_port

PROCESSES = {"pages", "redis", "aws", "setup", "web", "listener", "worker", "beat", "corecipe"}
DESKTOP = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)


@pytest.fixture
def port() -> int:
    return first_free_port()


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Callable[[], Stack]]:
    stacks: list[Stack] = []

    def start_one() -> Stack:
        stacks.append(Stack(tmp_path / "state", port))
        return stacks[-1]

    yield start_one
    for stack in stacks:
        if stack.process.poll() is None:
            stack.stop(signal.SIGTERM)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_links_work_and_ctrl_c_leaves_nothing_behind(start: Callable[[], Stack], port: int) -> None:
    stack = start()
    plain, debug, elsewhere = (http_client.get(link) for link in stack.links())
    assert plain.status_code == 302
    assert plain.headers["Location"].startswith(f"http://localhost:{port + 2}/alpine-hiking-shop?")
    assert debug.status_code == 200
    assert debug.json()["status"] == "success"
    assert elsewhere.headers["Location"].startswith(f"http://localhost:{port + 2}/daily-deals-newsletter?")
    assert "Alpine Hiking Shop" in http_client.get(plain.headers["Location"]).text

    assert stack.stop() == 0
    assert stack.pids.keys() == PROCESSES
    assert not any(is_alive(pid) for pid in stack.pids.values())

    again = start()
    assert http_client.get(again.links()[0]).status_code == 302
    assert again.stop(signal.SIGTERM) == 0


def test_every_example_shows_what_it_says(start: Callable[[], Stack], port: int) -> None:
    start().links()
    shown = {}
    for example in SHOWCASE:
        token = encrypt(example.offer_id, example.campaign_id, DEMO_ENCRYPTION_KEY)
        answer = http_client.get(
            f"http://localhost:{port}/offer?ad={token}&debug=debug{example.query}",
            headers={"User-Agent": DESKTOP, "X-Forwarded-For": example.client_ip},
        ).json()
        decided = answer["status"] == "success"
        shown[example.title] = answer["data"]["decision"]["redirectType"] if decided else None
    assert shown == {example.title: example.redirect_type for example in SHOWCASE}


def test_a_process_that_dies_stops_the_rest_and_is_named(start: Callable[[], Stack]) -> None:
    stack = start()
    stack.wait_until(lambda: "pages" in stack.pids)
    os.kill(stack.pids["pages"], signal.SIGKILL)
    assert stack.process.wait(DEADLINE_SECONDS) == 1
    assert "devstack: pages ended by itself" in stack.printed
    assert not any(is_alive(pid) for pid in stack.pids.values())


def test_a_closed_terminal_leaves_nothing_behind(start: Callable[[], Stack]) -> None:
    stack = start()
    stack.wait_until(lambda: stack.pids.keys() == PROCESSES)
    assert stack.stop(signal.SIGHUP) == 0
    assert not any(is_alive(pid) for pid in stack.pids.values())


def test_a_second_stack_in_the_same_directory_is_refused(start: Callable[[], Stack]) -> None:
    first = start()
    first.wait_until(lambda: "pages" in first.pids)
    second = start()
    assert second.process.wait(DEADLINE_SECONDS) == 1
    assert "already running" in second.printed
    assert first.stop() == 0


def test_a_port_in_use_is_named_with_a_way_out(start: Callable[[], Stack], port: int) -> None:
    with socket.create_server((LOCALHOST, port)):
        stack = start()
        assert stack.process.wait(DEADLINE_SECONDS) == 1
    assert f"port {port} (web) cannot be used: Address already in use" in stack.printed
    assert f"PORT={port + 100} make dev" in stack.printed
