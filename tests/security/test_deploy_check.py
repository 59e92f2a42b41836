"""`check --deploy` in production: nothing to say about a sane environment, and much about a careless one."""

import os

import pytest

from tests.processes import command

SANE = {
    "ENV": "production",
    "SECRET_KEY": "wTz1vKqk0aP3dS8mYx5nR7eB2uJ4hL6gC9fQoIiUyNtZ-_VbXs",
    "ALLOWED_HOSTS": "click.example",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    "AD_TOKEN_KEYS": "2026b:" + "5c" * 32,
}


@pytest.mark.usefixtures("redis_url", "geoip_databases")
def test_a_sane_production_environment_passes_without_a_word() -> None:
    checked = command("manage.py", "check", "--deploy", "--fail-level", "WARNING", **SANE)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


@pytest.mark.usefixtures("redis_url", "geoip_databases")
@pytest.mark.parametrize(
    ("careless", "named"),
    [
        ({"SECRET_KEY": "short"}, "security.W009"),
        ({"HTTPS_ONLY": "false"}, "security.W008"),
        ({"TRUSTED_PROXIES": ""}, "cotraffic.W026"),
        ({"HSTS_SECONDS": "0"}, "security.W004"),
        ({"ADMIN_PATH": "/"}, "cotraffic.E024"),
        ({"ADMIN_PATH": "favicon.ico/"}, "cotraffic.E024"),
        ({"AD_TOKEN_KEYS": "no key"}, "cotraffic.E021"),
        ({"CLICK_SPOOL_DIR": "/proc/none"}, "cotraffic.E063"),
        ({"SOCKET_HOST": "co-recipe.example.com:3001"}, "cotraffic.E064"),
    ],
)
def test_a_careless_one_is_told_what_is_wrong(careless: dict[str, str], named: str) -> None:
    checked = command("manage.py", "check", "--deploy", "--fail-level", "WARNING", **SANE | careless)
    assert checked.returncode != 0
    assert named in checked.stderr
    assert os.environ["ENCRYPTION_KEY"] not in checked.stderr
