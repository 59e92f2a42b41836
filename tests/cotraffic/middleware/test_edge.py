"""The edge of Django's side: whom it believes, where it sends plain HTTP, and what its answers carry."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cotraffic.middleware.edge import Edge

PROXY, STRANGER = "10.1.2.3", "203.0.113.9"


@pytest.fixture(autouse=True)
def _proxies(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]


def seen_by_views(**meta: str) -> HttpRequest:
    request = HttpRequest()
    request.META = {"SERVER_NAME": "a.example", "SERVER_PORT": "80", **meta}
    Edge(lambda _: HttpResponse())(request)
    return request


def test_a_trusted_proxy_says_who_is_asking_and_over_what() -> None:
    request = seen_by_views(
        REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=f"8.8.8.8, {STRANGER}", HTTP_X_FORWARDED_PROTO="https"
    )
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == (STRANGER, True)


def test_nobody_else_is_believed() -> None:
    request = seen_by_views(
        REMOTE_ADDR=STRANGER,
        HTTP_X_FORWARDED_FOR="8.8.8.8",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_FORWARDED_HOST="evil.example",
    )
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == (STRANGER, False)
    assert "HTTP_X_FORWARDED_HOST" not in request.META


@pytest.fixture
def https_only(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 3600


@pytest.mark.usefixtures("https_only")
def test_staff_pages_are_sent_to_https() -> None:
    answer = Client().get(reverse("admin:login"), headers={"host": "a.example"})
    assert (answer.status_code, answer.headers["location"]) == (
        301,
        f"https://a.example{reverse('admin:login')}",
    )


@pytest.mark.usefixtures("https_only")
@pytest.mark.parametrize("path", ["/offer", "/Offer/", "/health", "/ready", "/metrics"])
def test_links_and_probes_are_not(path: str) -> None:
    assert Client().post(path).status_code != 301


@pytest.mark.usefixtures("https_only")
@pytest.mark.parametrize("path", ["/no/such/page", reverse("admin:login")])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    answer = Client().get(path, REMOTE_ADDR=PROXY, headers={"x-forwarded-proto": "https"})
    carried = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=3600",
    }
    assert {name: answer.headers.get(name) for name in carried} == carried
    assert "geolocation=()" in answer.headers["Permissions-Policy"]
