"""Behind a real HAProxy, which passes trailers on: what a visitor writes into one changes nothing."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import reverse

from devstack.services import LOCALHOST, Service, free_port
from tests.offers.exchanges import Answer, Connection, get
from tests.processes import DEADLINE_SECONDS, command
from tests.security.conftest import GOOD, live_recipe
from tests.servers import web_worker

HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
# Nobody trusts this address of the machine.
VISITOR, CLAIMED = "127.0.0.2", b"81.2.69.142"
CONFIGURATION = """
defaults
    mode http
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    option forwardfor
frontend visitors
    bind {host}:{port}
    # Who signs in comes over HTTPS, nobody else; as far as the worker is concerned, TLS ends here.
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Proto https if {{ hdr(X-Test-Scheme) https }}
    default_backend workers
backend workers
    http-reuse always
    server worker {worker}
"""

pytestmark = pytest.mark.skipif(
    not HAPROXY and os.environ.get("CI") != "true", reason="haproxy is not installed (apt install haproxy)"
)


@pytest.fixture(scope="module")
def proxy(redis_url: str, geoip_databases: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an HAProxy before a worker that trusts it, and sends staff pages to HTTPS."""
    assert HAPROXY, "haproxy is not installed"
    directory = tmp_path_factory.mktemp("haproxy")
    database = f"sqlite:///{directory / 'staff.sqlite3'}"
    assert command("manage.py", "migrate", DATABASE_URL=database).returncode == 0
    live_recipe(redis_url)
    with (
        web_worker(TRUSTED_PROXIES=LOCALHOST, HTTPS_ONLY="true", DATABASE_URL=database) as url,
        haproxy(HAPROXY, directory, urlsplit(url).netloc) as service,
    ):
        yield service.port


def haproxy(program: str, directory: Path, worker: str) -> Service:
    port, file = free_port(), directory / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(host=LOCALHOST, port=port, worker=worker))
    return Service("haproxy", [program, "-db", "-f", str(file)], port)


def ask(port: int, request: bytes) -> Answer:
    """The answer to a visitor who is not of this machine."""
    visitor = Connection(port, VISITOR)
    with visitor.socket:
        visitor.socket.settimeout(DEADLINE_SECONDS)
        visitor.send(request)
        return visitor.answer()


def with_trailers(request: bytes, *trailers: bytes) -> bytes:
    """A request as it is, with a body in chunks that ends in trailers."""
    head, _, body = request.partition(b"\r\n\r\n")
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    lines = b"".join(trailer + b"\r\n" for trailer in trailers)
    return b"%b\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n%b\r\n" % (head, chunk, lines)


def test_a_trailer_changes_neither_address_nor_user_agent(proxy: int) -> None:
    request = get(GOOD + b"&debug=debug", b"User-Agent: of the head")
    trailers = (b"X-Forwarded-For: " + CLAIMED, b"User-Agent: of the trailer")
    record = json.loads(ask(proxy, with_trailers(request, *trailers)).body)["data"]["click"]
    assert (record["IP"], record["userAgent"]) == (VISITOR, "of the head")


def test_the_next_visitor_of_the_connection_has_none_of_it(proxy: int) -> None:
    for _ in range(5):
        trailer = b"X-Forwarded-For: " + CLAIMED
        assert ask(proxy, with_trailers(get(GOOD, method=b"POST"), trailer)).status == 405
        record = json.loads(ask(proxy, get(GOOD + b"&debug=debug")).body)["data"]["click"]
        assert record["IP"] == VISITOR


@pytest.mark.parametrize("address", [b"::1", b"127.0.0.1"])
def test_a_trailer_opens_no_metrics(proxy: int, address: bytes) -> None:
    request = get(path=b"/metrics")
    assert ask(proxy, request).status == 404
    assert ask(proxy, with_trailers(request, b"X-Forwarded-For: " + address)).status == 404


LOGIN = reverse("admin:login")


def test_a_trailer_changes_no_scheme(proxy: int) -> None:
    answer = ask(proxy, with_trailers(get(path=LOGIN.encode()), b"X-Forwarded-Proto: https"))
    assert (answer.status, answer.headers[b"location"]) == (301, f"https://a.example{LOGIN}".encode())


def sign_in(proxy: int, page: Answer, *trailers: bytes) -> int:
    """The status of an attempt with a wrong password."""
    (token,) = re.findall(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    cookie = page.headers[b"set-cookie"].partition(b";")[0]
    form = b"username=sam&password=wrong&csrfmiddlewaretoken=" + token
    request = get(
        b"",
        b"X-Test-Scheme: https",
        b"Referer: https://a.example" + LOGIN.encode(),
        b"Cookie: " + cookie,
        b"Content-Type: application/x-www-form-urlencoded",
        method=b"POST",
        path=LOGIN.encode(),
    )
    return ask(proxy, with_trailers(request + form, *trailers)).status


def test_a_trailer_gives_no_more_attempts_to_sign_in(proxy: int) -> None:
    page = ask(proxy, get(b"", b"X-Test-Scheme: https", path=LOGIN.encode()))
    statuses = [sign_in(proxy, page, b"X-Forwarded-For: 82.3.4.%d" % number) for number in range(1, 8)]
    assert statuses == [200, 200, 200, 200, 429, 429, 429]
