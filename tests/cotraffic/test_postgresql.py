"""Accounts of staff in PostgreSQL, by `DATABASE_URL`: instances share them, and clicks do not need them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.postgresql import PostgreSQL, running_postgresql
from tests.processes import PROJECT
from tests.servers import web_worker

PASSWORD = "pass-of-sam-in-postgresql"


@pytest.fixture(scope="module")
def postgresql(redis_url: str, geoip_databases: None) -> Iterator[PostgreSQL]:
    """A server with our tables and the account `sam`."""
    with running_postgresql() as server:
        manage(server, "migrate", "--no-input", "--verbosity", "0")
        manage(server, "createsuperuser", "--no-input", "--username", "sam", "--email", "sam@example.com")
        yield server


def manage(server: PostgreSQL, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": server.url, "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=True,
    )


def signed_in(client: httpx.Client) -> bool:
    """Sign in on the page, and see whether the index is there."""
    page = client.get("/admin/login/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    form = {"username": "sam", "password": PASSWORD, "csrfmiddlewaretoken": token[0], "next": "/admin/"}
    client.post("/admin/login/", data=form, headers={"referer": str(page.url)})
    return client.get("/admin/").status_code == 200


def test_the_tables_are_up_to_date(postgresql: PostgreSQL) -> None:
    manage(postgresql, "migrate", "--check")
    assert "is deployed" not in manage(postgresql, "check", "--database", "default").stderr


def test_a_session_of_one_instance_holds_on_another(postgresql: PostgreSQL, redis_url: str) -> None:
    with web_worker(DATABASE_URL=postgresql.url) as one, web_worker(DATABASE_URL=postgresql.url) as other:
        with httpx.Client(base_url=one) as client:
            assert signed_in(client)
            cookies = client.cookies
        with httpx.Client(base_url=other, cookies=cookies) as client:
            assert client.get("/admin/").status_code == 200
        assert httpx.get(f"{other}/admin/").status_code == 302


def test_clicks_are_answered_while_the_database_is_away_and_staff_can_sign_in_after_it(
    postgresql: PostgreSQL, redis_url: str
) -> None:
    with web_worker(DATABASE_URL=postgresql.url) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert signed_in(client)
        postgresql.stop()
        try:
            assert httpx.get(f"{url}/health").status_code == 200
            # No link at all: the answer comes from the core, which knows no database.
            assert httpx.get(f"{url}/offer?ad=nonsense").status_code == 404
            assert client.get("/admin/").status_code == 500
        finally:
            postgresql.start()
        assert client.get("/admin/").status_code == 200
