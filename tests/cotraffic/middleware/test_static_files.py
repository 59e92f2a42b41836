"""Static files: from the source in a checkout; compressed, and named by content, once they are collected."""

from pathlib import Path

import pytest
import redis
from django.core.management import call_command
from django.http import HttpResponse
from django.templatetags.static import static
from django.test import RequestFactory
from pytest_django import Settings

from cotraffic.middleware.static_files import StaticFilesMiddleware
from tests import http_client
from tests.servers import web_worker

STYLES = "diagnostics/diagnostics.css"


@pytest.fixture
def in_production(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of production, with nothing collected yet."""
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "cotraffic.middleware.static_files.CollectedStorage"}
    }
    settings.WHITENOISE_AUTOREFRESH = False
    return settings


def get(path: str, **headers: str) -> HttpResponse:
    middleware = StaticFilesMiddleware(lambda _: HttpResponse("the site"))
    answer = middleware(RequestFactory().get(path, headers=headers))
    assert isinstance(answer, HttpResponse)
    return answer


def test_a_checkout_serves_them_in_a_real_worker(redis_url: redis.Redis, geoip_databases: None) -> None:
    with web_worker() as url:
        found = http_client.get(f"{url}/static/{STYLES}")
        known = http_client.get(
            f"{url}/static/{STYLES}", headers={"If-Modified-Since": found.headers["Last-Modified"]}
        )
        missing = http_client.get(f"{url}/static/diagnostics/nothing.css")
        head = http_client.head(f"{url}/static/{STYLES}")
        icon = http_client.get(f"{url}/favicon.ico", follow_redirects=True)
    assert (found.status_code, found.headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert ".diagnostics" in found.text
    assert (known.status_code, missing.status_code) == (304, 404)
    assert (head.status_code, head.content) == (200, b"")
    assert (icon.status_code, icon.headers["Content-Type"]) == (200, "image/svg+xml")


def test_before_they_are_collected_production_serves_the_source(in_production: Settings) -> None:
    in_production.WHITENOISE_USE_FINDERS = True
    assert static(STYLES) == f"/static/{STYLES}"
    assert get(f"/static/{STYLES}").status_code == 200


def test_once_collected_they_are_compressed_and_kept_for_good(in_production: Settings) -> None:
    call_command("collectstatic", "--no-input", verbosity=0)
    in_production.WHITENOISE_USE_FINDERS = False
    # As a worker that starts afterwards, which reads the manifest anew.
    in_production.STATIC_ROOT = Path(in_production.STATIC_ROOT)
    url = static(STYLES)
    assert url != f"/static/{STYLES}"
    found = get(url, accept_encoding="gzip")
    assert (found.status_code, found["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in found["Cache-Control"]


def test_what_is_no_static_file_goes_to_the_site(in_production: Settings) -> None:
    assert get("/admin/").content == b"the site"
