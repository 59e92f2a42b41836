"""A visitor's click with `debug` in its link needs no staff database; its cookie may name a session."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import redis
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest

from offers.click_log.stream import LOG
from offers.http.staff import StaffCheck
from tests.log_lines import log_lines
from tests.offers.exchanges import exchange, get
from tests.processes import command
from tests.security.conftest import GOOD, live_recipe
from tests.servers import web_worker

SESSION = b"Cookie: sessionid=abcdefghijklmnopqrstuvwxyz012345"
CLICK = get(b"debug=debug&" + GOOD, SESSION, b"User-Agent: Firefox")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("staff") / "staff.sqlite3"


@pytest.fixture(scope="module")
def port(redis_url: str, geoip_databases: None, database: Path) -> Iterator[int]:
    """A production worker with a staff database."""
    live_recipe(redis_url)
    variables = {"DATABASE_URL": f"sqlite:///{database}"}
    command("manage.py", "migrate", **variables)
    with web_worker(ENV="production", **variables) as url:
        port = urlsplit(url).port
        assert port
        yield port


def written(redis_url: str, port: int) -> tuple[int, int]:
    """The status of the answer to a click, and how many clicks were written for it."""
    with redis.Redis.from_url(redis_url) as client:
        client.delete(LOG)
        return exchange(port, CLICK).status, client.xlen(LOG)


def test_a_session_that_nobody_has_is_a_visitors(port: int, redis_url: str) -> None:
    assert written(redis_url, port) == (302, 1)


def test_without_its_database_a_click_is_a_plain_one(port: int, redis_url: str, database: Path) -> None:
    database.unlink()
    database.mkdir()
    assert written(redis_url, port) == (302, 1)


class Asked:
    """A request whose session leads to a database that is away."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def auser(self) -> Any:
        raise self.error


@pytest.mark.parametrize("error", [OperationalError("no such host"), InterfaceError("closed")])
def test_while_the_database_is_away_nobody_is_staff_and_one_line_says_so(
    error: Exception, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEVELOPMENT = False
    check, request = StaffCheck(), cast(HttpRequest, Asked(error))

    async def ask() -> list[bool]:
        return [await check.may_see_debug(request) for _ in range(3)]

    assert asyncio.run(ask()) == [False] * 3
    (line,) = log_lines(caplog)
    assert line["event"] == "the staff database does not answer, debug is ignored"
    assert line["problem"] == str(error)


def test_a_fault_of_ours_is_no_database_that_is_away(settings: Any) -> None:
    settings.DEVELOPMENT = False
    with pytest.raises(ZeroDivisionError):
        asyncio.run(StaffCheck().may_see_debug(cast(HttpRequest, Asked(ZeroDivisionError()))))
