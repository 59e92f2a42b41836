"""`make dev` for real: it starts, answers clicks, says what is wrong, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from devstack.demo import SHOWCASE
from devstack.environment import DEMO_ENCRYPTION_KEY, PROJECT
from devstack.services import LOCALHOST, port_answers
from offers.tokens import encrypt

PROCESSES = {"pages", "redis", "aws", "setup", "web", "listener", "worker", "beat", "corecipe"}
START_SECONDS = 90.0
STOP_SECONDS = 15.0
DESKTOP = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
LINKS = re.compile(r"http://localhost:\d+/offer\S+")
PIDS = re.compile(r"(\w+) started \(pid=(\d+)\)")


class Stack:
    """A devstack process of a test, with a shell's plain environment."""

    def __init__(self, state: Path, port: int) -> None:
        self.log = state.parent / f"{time.monotonic_ns()}.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(state), "PORT": str(port)}
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devstack", "--state", str(state)],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def printed(self) -> str:
        return self.log.read_text()

    @property
    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in PIDS.findall(self.printed)}

    def wait_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline, self.printed
            time.sleep(0.1)

    def links(self) -> list[str]:
        self.wait_until(lambda: len(LINKS.findall(self.printed)) >= 3)
        return LINKS.findall(self.printed)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@pytest.fixture
def port() -> int:
    """The first of five free ports in a row."""
    for first in range(20_000 + os.getpid() % 5_000, 32_000, 5):
        if not any(port_answers(first + at) for at in range(5)):
            return first
    raise AssertionError("no five free ports in a row")


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


@pytest.mark.timeout(240)
def test_the_links_work_and_ctrl_c_leaves_nothing_behind(start: Callable[[], Stack], port: int) -> None:
    stack = start()
    plain, debug, elsewhere = (httpx.get(link) for link in stack.links())
    assert plain.status_code == 302
    assert plain.headers["Location"].startswith(f"http://localhost:{port + 2}/alpine-hiking-shop?")
    assert debug.status_code == 200
    assert debug.json()["status"] == "success"
    assert elsewhere.headers["Location"].startswith(f"http://localhost:{port + 2}/daily-deals-newsletter?")
    assert "Alpine Hiking Shop" in httpx.get(plain.headers["Location"]).text

    assert stack.stop() == 0
    assert stack.pids.keys() == PROCESSES
    assert not any(is_alive(pid) for pid in stack.pids.values())

    again = start()
    assert httpx.get(again.links()[0]).status_code == 302
    assert again.stop(signal.SIGTERM) == 0


def test_every_example_shows_what_it_says(start: Callable[[], Stack], port: int) -> None:
    start().links()
    shown = {}
    for example in SHOWCASE:
        token = encrypt(example.offer_id, example.campaign_id, DEMO_ENCRYPTION_KEY)
        answer = httpx.get(
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
    assert stack.process.wait(STOP_SECONDS) == 1
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
    assert second.process.wait(STOP_SECONDS) == 1
    assert "already running" in second.printed
    assert first.stop() == 0


def test_a_port_in_use_is_named_with_a_way_out(start: Callable[[], Stack], port: int) -> None:
    with socket.create_server((LOCALHOST, port)):
        stack = start()
        assert stack.process.wait(STOP_SECONDS) == 1
    assert f"port {port} (web) cannot be used: Address already in use" in stack.printed
    assert f"PORT={port + 100} make dev" in stack.printed
