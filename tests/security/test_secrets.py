"""Secrets stay secret: nothing that a process prints, shows or raises has one in it, whatever goes wrong."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.services import LOCALHOST, free_port, port_answers
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.processes import DEADLINE_SECONDS, PROJECT, command, wait_until

REDIS_PASSWORD = "redis-password-not-to-be-shown"
SECRETS = {
    "ENCRYPTION_KEY": ENCRYPTION_KEY,
    "AD_TOKEN_KEYS": "5ec3e7" * 10 + "5ec3",
    "SECRET_KEY": "a-signing-key-that-nobody-may-see-and-that-is-long-enough",
    "URL_HASH_SECRET": "hash-secret-not-to-be-shown",
    "AWS_SECRET_ACCESS_KEY": "aws-secret-not-to-be-shown",
    "REDIS_URL": REDIS_PASSWORD,
    "SHARED_REDIS_URL": "shared-password-not-to-be-shown",
    "CELERY_BROKER_URL": "broker-password-not-to-be-shown",
    "DATABASE_URL": "database-password-not-to-be-shown",
}


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Where nothing answers that could, and every secret is worth hiding."""
    nobody = f"{LOCALHOST}:{free_port()}"
    return {
        "ENV": "production",
        "ALLOWED_HOSTS": "*",
        "HTTPS_ONLY": "false",
        "LOG_LEVEL": "DEBUG",
        "ENCRYPTION_KEY": SECRETS["ENCRYPTION_KEY"],
        "AD_TOKEN_KEYS": f"a:{SECRETS['AD_TOKEN_KEYS']}",
        "SECRET_KEY": SECRETS["SECRET_KEY"],
        "URL_HASH_SECRET": SECRETS["URL_HASH_SECRET"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["AWS_SECRET_ACCESS_KEY"],
        "AWS_ENDPOINT_URL": f"http://{nobody}",
        "AWS_DYNAMODB_ENDPOINT": f"http://{nobody}",
        "SOCKET_HOST": f"http://{nobody}",
        "REDIS_URL": f"redis://:{REDIS_PASSWORD}@{nobody}/0",
        "SHARED_REDIS_URL": f"redis://:{SECRETS['SHARED_REDIS_URL']}@{nobody}/0",
        "CELERY_BROKER_URL": f"redis://:{SECRETS['CELERY_BROKER_URL']}@{nobody}/0",
        "DATABASE_URL": f"sqlite:///{tmp_path / SECRETS['DATABASE_URL'] / 'none.sqlite3'}",
        "CLICK_SPOOL_DIR": str(tmp_path / "spool"),
        **more,
    }


def shown(text: str, *, except_for: tuple[str, ...] = ()) -> list[str]:
    """The names of the secrets in a text."""
    return [name for name, secret in SECRETS.items() if name not in except_for and secret in text]


@contextmanager
def printing(*arguments: str, **variables: str) -> Iterator[Path]:
    """A process of the stack; gives the file that it prints into."""
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen(
            [
                "/usr/bin/env",
                *(f"{name}={value}" for name, value in variables.items()),
                sys.executable,
                *arguments,
            ],
            cwd=PROJECT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Path(output.name)
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


@pytest.mark.usefixtures("geoip_databases")
def test_a_worker_in_trouble_prints_and_answers_no_secret(tmp_path: Path) -> None:
    port = free_port()
    variables = environment(tmp_path, HOST=LOCALHOST, PORT=str(port), WEB_CONCURRENCY="1")
    gunicorn = ("-m", "gunicorn", "--config", "gunicorn.conf.py", "cotraffic.asgi:application")
    with printing(*gunicorn, **variables) as output:
        wait_until(lambda: port_answers(port))
        with http_client.Client(base_url=f"http://{LOCALHOST}:{port}") as client:
            paths = ["/offer?ad=junk", "/offer?ad=junk&debug=debug", "/health", "/ready", "/metrics", "/none"]
            answers = [client.get(path) for path in [*paths, "/admin/login/"]]
            answers.append(client.post("/admin/login/", data={"username": "a"}))
        said = "".join(f"{answer.headers}{answer.text}" for answer in answers)
        wait_until(lambda: b"away" in output.read_bytes(), what="a line about the Redis that is away")
        printed = output.read_text(errors="replace")
    # The path of a database file is no secret; the name in it only looks like one.
    assert shown(said + printed, except_for=("DATABASE_URL",)) == []


@pytest.mark.parametrize(
    "program",
    [
        ("manage.py", "recipe_listen"),
        ("-m", "celery", "-A", "cotraffic", "worker", "--concurrency", "1", "--pool", "solo"),
        ("-m", "celery", "-A", "cotraffic", "beat", "--pidfile="),
    ],
    ids=["listener", "worker", "beat"],
)
@pytest.mark.usefixtures("geoip_databases")
def test_a_background_process_in_trouble_prints_no_secret(tmp_path: Path, program: tuple[str, ...]) -> None:
    arguments = [part.replace("{tmp}", str(tmp_path)) for part in program]
    with printing(*arguments, **environment(tmp_path)) as output:
        wait_until(lambda: b"onnect" in output.read_bytes(), what="a line about a failed connection")
        printed = output.read_text(errors="replace")
    assert shown(printed) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "--deploy"),
        ("migrate",),
        ("recipe_sync", "--dry-run"),
        ("clicks_status",),
        ("clicks_redeliver",),
        ("ad_link", "0", "0", "--v2"),
        ("explain", "junk", "--json"),
        ("diffsettings", "--help"),
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.usefixtures("geoip_databases")
def test_a_command_in_trouble_prints_no_secret(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = command("manage.py", *arguments, **environment(tmp_path))
    printed = done.stdout + done.stderr
    assert printed
    assert shown(printed, except_for=("DATABASE_URL",)) == []


BROKEN_URLS = [
    "redis://:{secret}@[broken/0",
    "redis://:{secret}@localhost:port/0",
    "redis://:{secret}/unquoted@localhost/0",
    "http://:{secret}@localhost/0",
    "redis://:{secret}@localhost:1/0?socket_timeout=x",
]


@pytest.mark.parametrize("url", BROKEN_URLS)
@pytest.mark.parametrize("name", ["REDIS_URL", "SHARED_REDIS_URL"])
@pytest.mark.usefixtures("geoip_databases")
def test_a_url_that_cannot_be_read_is_not_shown(tmp_path: Path, name: str, url: str) -> None:
    broken = environment(tmp_path) | {name: url.format(secret=SECRETS[name])}
    done = command("manage.py", "check", **broken)
    assert shown(done.stdout + done.stderr) == []
