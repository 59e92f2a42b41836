"""Signing in: who fails too often has to wait, is told for how long, and nobody else is bothered."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from devstack.services import free_port
from tests import http_client
from tests.processes import command
from tests.servers import web_worker

pytestmark = pytest.mark.django_db
ATTACKER, OTHER = "203.0.113.9", "198.51.100.7"


@pytest.fixture(autouse=True)
def _staff(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.create_superuser("sam", password="pass-of-sam")
    settings.TRUSTED_PROXIES = ["127.0.0.1"]


def sign_in(address: str = ATTACKER, secret: str = "", name: str = "sam", after: str = "") -> Any:
    form = {"username": name, "password": secret or "wrong", "next": after or reverse("admin:index")}
    return Client().post(reverse("admin:login"), form, headers={"x-forwarded-for": address})


def fail(times: int, address: str = ATTACKER) -> Any:
    return [sign_in(address, name=f"guess-{number}") for number in range(times)][-1]


def test_before_the_limit_the_right_password_signs_in() -> None:
    assert fail(4).status_code == 200
    assert sign_in(secret="pass-of-sam").status_code == 302


@pytest.mark.parametrize("after", ["//evil", "https://evil.example/", "javascript:alert(1)", "\\\\evil", " "])
def test_who_is_to_go_elsewhere_after_signing_in_comes_to_the_index(after: str) -> None:
    answer = sign_in(secret="pass-of-sam", after=after)
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("admin:index"))


def test_after_the_limit_even_the_right_password_has_to_wait() -> None:
    assert fail(5).status_code == 429
    assert sign_in(secret="pass-of-sam").status_code == 429


def test_who_waits_is_told_for_how_long() -> None:
    answer = fail(6)
    page = answer.content.decode()
    assert "try again in 15 minutes" in page
    assert f"axes_reset_ip {ATTACKER}" in page
    assert 14 * 60 < int(answer.headers["Retry-After"]) <= 15 * 60


def test_the_time_to_wait_runs_down_and_is_not_prolonged_by_trying() -> None:
    fail(5)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=10))
    for _ in range(3):
        assert "try again in 5 minutes" in sign_in().content.decode()


def test_after_the_wait_the_right_password_signs_in() -> None:
    fail(5)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert sign_in(secret="pass-of-sam").status_code == 302


def test_others_are_not_locked_out() -> None:
    fail(5)
    assert sign_in(OTHER, "pass-of-sam").status_code == 302


def test_addresses_that_a_stranger_claims_do_not_help_it(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = []
    for number in range(5):
        answer = sign_in(f"198.51.100.{number}")
    assert answer.status_code == 429


def test_one_ipv6_network_counts_as_one_address() -> None:
    for number in range(1, 6):
        answer = sign_in(f"2001:db8:0:1::{number}")
    assert answer.status_code == 429
    assert sign_in("2001:db8:0:2::1", "pass-of-sam").status_code == 302


def test_the_operator_can_lift_it() -> None:
    fail(5)
    call_command("axes_reset_ip", ATTACKER)
    assert sign_in(secret="pass-of-sam").status_code == 302


@pytest.mark.usefixtures("geoip_databases", "redis_url")
def test_redis_is_not_needed(tmp_path: Path) -> None:
    dead = f"redis://127.0.0.1:{free_port()}/0"
    database = f"sqlite:///{tmp_path / 'staff.sqlite3'}"
    assert command("manage.py", "migrate", DATABASE_URL=database).returncode == 0
    with web_worker(DATABASE_URL=database, REDIS_URL=dead) as url, http_client.Client(base_url=url) as client:
        page = reverse("admin:login")
        client.get(page)
        form = {"username": "sam", "password": "wrong", "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        statuses = [client.post(page, data=form).status_code for _ in range(6)]
    assert statuses == [200, 200, 200, 200, 429, 429]


def test_the_log_names_the_address_of_a_failed_attempt(caplog: pytest.LogCaptureFixture) -> None:
    sign_in("2001:db8:0:1::7")
    sign_in(ATTACKER)
    logged = [record.getMessage() for record in caplog.records if "login failure" in record.getMessage()]
    assert [re.findall(r'ip_address: "([^"]+)"', line) for line in logged] == [["2001:db8:0:1::"], [ATTACKER]]


def test_neither_name_nor_password_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(6):
        sign_in(name="typed-the-password-here", secret="a-secret-password")
    assert "a-secret-password" not in str(list(AccessAttempt.objects.values()))
    assert "a-secret-password" not in caplog.text
    assert "typed-the-password-here" not in caplog.text
