"""Log lines: what they look like, what libraries make of them, and what must never be in them."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from cotraffic.logs import format
from cotraffic.middleware.request_id import HEADER, RequestIds
from devstack.services import LOCALHOST, free_port
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.processes import DEADLINE_SECONDS, PROJECT, wait_until


@pytest.fixture
def production_log() -> Iterator[StringIO]:
    """What a production handler on the root logger writes."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(format.LineFormatter(readable=False))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def lines(stream: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_fields(production_log: StringIO) -> None:
    structlog.stdlib.get_logger("offers.delivery.deliver").warning(
        "clicks stay in the log", problem="it's\naway"
    )
    (line,) = lines(production_log)
    assert list(line) == ["timestamp", "level", "logger", "event", "problem", "instance"]
    assert (line["level"], line["logger"]) == ("warning", "offers.delivery.deliver")
    assert line["instance"] == settings.INSTANCE_NAME
    assert (line["event"], line["problem"]) == ("clicks stay in the log", "it's\naway")


def test_a_library_writes_in_the_same_form(production_log: StringIO) -> None:
    logging.getLogger("gunicorn.somewhere").error("worker %d is gone", 7)
    (line,) = lines(production_log)
    assert (line["logger"], line["event"]) == ("gunicorn.somewhere", "worker 7 is gone")


def test_a_traceback_stays_within_its_line(production_log: StringIO) -> None:
    try:
        raise ValueError("what went wrong")
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
    (line,) = lines(production_log)
    assert "ValueError: what went wrong" in line["exception"]


def test_a_long_text_loses_its_middle_and_keeps_its_end(production_log: StringIO) -> None:
    logging.getLogger("some.library").error("begins" + 20_000 * "x" + "ConnectionError: refused")
    (line,) = lines(production_log)
    assert len(line["event"]) < 2100
    assert line["event"].startswith("begins")
    assert line["event"].endswith("ConnectionError: refused")


@pytest.mark.parametrize("before", range(280, 301, 5))
def test_no_half_of_a_secret_stays_where_a_text_is_cut(production_log: StringIO, before: int) -> None:
    logging.getLogger("some.library").error("%s", before * "x" + ENCRYPTION_KEY + 5_000 * "x")
    assert ENCRYPTION_KEY[:8] not in production_log.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"the key is {ENCRYPTION_KEY}",
        "redis://user:hunter2-hunter2@redis.example:6379/0 is away",
        "rediss://:hunter2-hunter2@redis.example is away",
    ],
)
def test_secrets_are_hidden_wherever_they_come_from(production_log: StringIO, text: str) -> None:
    structlog.stdlib.get_logger("ours").error("an event", problem=text)
    logging.getLogger("library").error("failed: %s", text)
    try:
        raise ConnectionError(text)
    except ConnectionError:
        logging.getLogger("library").exception("failed")
    written = production_log.getvalue()
    assert written.count(format.HIDDEN) >= 3
    assert ENCRYPTION_KEY not in written
    assert "hunter2" not in written


def test_every_key_of_a_list_is_a_secret() -> None:
    settings = {"AD_TOKEN_KEYS": ["a:00112233445566", "b:aabbccddeeff"], "HOST": "not-a-secret"}
    assert format.secrets_in(settings) == ["00112233445566", "aabbccddeeff"]


def test_short_values_are_not_taken_for_secrets() -> None:
    assert format.secrets_in({"SECRET_KEY": "tests", "URL_HASH_SECRET": "s"}) == []


def answer_to(**headers: str) -> tuple[HttpResponse, dict[str, Any]]:
    """The answer to a request with these headers, and what was bound to log lines meanwhile."""
    bound: dict[str, Any] = {}

    def view(_: HttpRequest) -> HttpResponse:
        bound.update(structlog.contextvars.get_contextvars())
        return HttpResponse("fine")

    request = HttpRequest()
    request.META = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return RequestIds(view)(request), bound


def test_a_request_keeps_the_id_that_it_came_with() -> None:
    response, bound = answer_to(X_Request_ID="edge-7.abc_DEF")
    assert response[HEADER] == "edge-7.abc_DEF"
    assert bound == {"request_id": "edge-7.abc_DEF"}
    assert structlog.contextvars.get_contextvars() == {}


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "two words and more", 'quote"quote"', "né-ou-né-ou"]
)
def test_an_id_that_is_none_is_replaced(given: str) -> None:
    response, bound = answer_to(X_Request_ID=given)
    assert len(response[HEADER]) == 32
    assert bound == {"request_id": response[HEADER]}


def test_each_request_has_an_id_of_its_own() -> None:
    assert answer_to()[0][HEADER] != answer_to()[0][HEADER]


@pytest.mark.usefixtures("geoip_databases")
def test_a_production_server_writes_nothing_but_json_and_nothing_for_a_click(
    redis_client: redis.Redis, tmp_path: Path
) -> None:
    port = free_port()
    log = tmp_path / "log"
    program = ["-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *program],
            cwd=PROJECT,
            env={
                **os.environ,
                "ENV": "production",
                "HOST": LOCALHOST,
                "PORT": str(port),
                "WEB_CONCURRENCY": "1",
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "Application startup complete" in log.read_text(), what="the start")
        before = log.read_text()
        for path in ("/offer?ad=nothing", "/offer/?ad=nothing", "/wp-login.php", "/health"):
            http_client.get(f"http://{LOCALHOST}:{port}{path}", headers={"Host": "scanner.example"})
        assert log.read_text() == before
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["logger"] for line in written} >= {"gunicorn.error", "uvicorn.error"}
    assert all(line["event"] and line["timestamp"] for line in written)


def test_celery_writes_in_the_same_form(tmp_path: Path) -> None:
    broker = f"redis://{LOCALHOST}:{free_port()}/0"
    log = tmp_path / "log"
    arguments = ["-m", "celery", "-A", "cotraffic", "-q", "beat", "--pidfile=", "-s", str(tmp_path / "beat")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**os.environ, "ENV": "production", "CELERY_BROKER_URL": broker},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "\n" in log.read_text(), what="a complaint about the broker")
    finally:
        process.kill()
        process.wait()
    first = json.loads(log.read_text().splitlines()[0])
    assert (first["logger"], first["level"]) == ("celery.beat", "error")
