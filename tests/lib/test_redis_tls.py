"""Every option of a Redis URL holds for every connection: TLS, users, Unix sockets, for each client."""

import asyncio
import gc
import ssl
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.test import override_settings
from django_redis.pool import ConnectionFactory
from kombu.exceptions import OperationalError
from redis.exceptions import RedisClusterException

from cotraffic.checks import broker
from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from lib.shared_redis import open_shared
from offers.bootstrap import open_redis
from offers.click_log.connection import LogConnection
from tests.offers.sentinels import watched
from tests.offers.writing import logged, some_click, writing, written
from tests.processes import wait_until
from tests.tls import KEY_PASSWORD, Authority, Certificates, TlsEnd, url_of

# What each client raises where it is not let in, or does not want to be.
REFUSED = (redis.RedisError, RedisClusterException, OperationalError, OSError)
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
LOGIN = "p:w@x/1 #$%?"


@pytest.fixture(autouse=True)
def _forgets_half_closed_connections() -> Iterator[None]:
    """TLS says goodbye, and a client that was refused ends before it is answered: that is no leak of ours."""
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


def ask_as_the_click_log(url: str) -> None:
    asyncio.run(LogConnection(url).try_out())


def ask_as_the_catalog(url: str) -> None:
    async def ask() -> None:
        async with open_redis() as client:
            await client.ping()

    with override_settings(REDIS_URL=url):
        asyncio.run(ask())


def ask_as_a_command(url: str) -> None:
    with ConnectionFactory(django_settings.CACHES["default"]["OPTIONS"]).connect(url) as client:
        client.ping()


def ask_as_the_probes(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.ping()


def ask_as_celery(url: str) -> None:
    broker.connect(url)


def ask_as_who_shares_it(url: str) -> None:
    async def ask() -> None:
        async with open_shared(url, 5) as client:
            await client.ping()

    asyncio.run(ask())


CLIENTS = [
    ask_as_the_click_log,
    ask_as_the_catalog,
    ask_as_a_command,
    ask_as_the_probes,
    ask_as_celery,
    ask_as_who_shares_it,
]
each_client = pytest.mark.parametrize("ask", CLIENTS, ids=lambda ask: ask.__name__.removeprefix("ask_as_"))
Ask = Callable[[str], None]


@each_client
@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"])
def test_a_private_authority_is_trusted_and_no_other(
    end: TlsEnd, certificates: Certificates, ask: Ask, option: str
) -> None:
    def url(authority: Authority) -> str:
        values = {
            "ssl_ca_certs": authority.ca,
            "ssl_ca_path": authority.directory,
            "ssl_ca_data": authority.ca.read_text(),
        }
        return url_of(end, **{option: values[option]})

    ask(url(certificates.authority))
    assert end.encrypted >= 1
    with pytest.raises(REFUSED):
        ask(url(certificates.other))


@each_client
def test_an_authority_that_the_machine_does_not_know_is_not_trusted(end: TlsEnd, ask: Ask) -> None:
    with pytest.raises(REFUSED):
        ask(url_of(end))


@each_client
def test_no_certificate_is_asked_for_where_the_url_says_so(end: TlsEnd, ask: Ask) -> None:
    ask(url_of(end, ssl_cert_reqs="none"))
    assert end.encrypted >= 1


@each_client
def test_the_name_in_the_certificate_is_checked_unless_the_url_says_otherwise(
    valkey: Service, redis_client: redis.Redis, certificates: Certificates, ask: Ask
) -> None:
    with TlsEnd(valkey.port, certificates.misnamed) as end:
        ca = certificates.authority.ca
        with pytest.raises(REFUSED):
            ask(url_of(end, ssl_ca_certs=ca))
        ask(url_of(end, ssl_ca_certs=ca, ssl_check_hostname="false"))


@each_client
def test_a_client_certificate_is_shown(
    valkey: Service, redis_client: redis.Redis, certificates: Certificates, ask: Ask
) -> None:
    ca = certificates.authority.ca

    with TlsEnd(valkey.port, certificates.server, client_ca=ca) as strict:

        def url(pair: tuple[Path, Path], **more: object) -> str:
            return url_of(strict, ssl_ca_certs=ca, ssl_certfile=pair[0], ssl_keyfile=pair[1], **more)

        ask(url(certificates.client))
        ask(url(certificates.locked_client, ssl_password=KEY_PASSWORD))
        for refused in (url_of(strict, ssl_ca_certs=ca), url(certificates.other_client)):
            with pytest.raises(REFUSED):
                ask(refused)


@each_client
def test_an_older_tls_than_the_url_allows_is_not_spoken(
    end: TlsEnd, certificates: Certificates, ask: Ask
) -> None:
    end.context.maximum_version = ssl.TLSVersion.TLSv1_2
    ca = certificates.authority.ca
    ask(url_of(end, ssl_ca_certs=ca, ssl_min_version=TLS_1_2))
    with pytest.raises(REFUSED):
        ask(url_of(end, ssl_ca_certs=ca, ssl_min_version=TLS_1_3))


@each_client
def test_only_the_ciphers_of_the_url_are_offered(end: TlsEnd, certificates: Certificates, ask: Ask) -> None:
    end.context.maximum_version = ssl.TLSVersion.TLSv1_2
    end.context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    ca = certificates.authority.ca
    ask(url_of(end, ssl_ca_certs=ca, ssl_ciphers="ECDHE-ECDSA-AES256-GCM-SHA384"))
    with pytest.raises(REFUSED):
        ask(url_of(end, ssl_ca_certs=ca, ssl_ciphers="ECDHE-ECDSA-CHACHA20-POLY1305"))


@each_client
def test_a_user_with_a_strange_password_is_let_in_over_tls(
    end: TlsEnd, certificates: Certificates, redis_client: redis.Redis, ask: Ask
) -> None:
    redis_client.acl_setuser(
        "traffic:er", enabled=True, passwords=[f"+{LOGIN}"], commands=["+@all"], keys=["*"]
    )

    def url(password: str) -> str:
        login = f"traffic%3Aer:{urllib.parse.quote(password, safe='')}@"
        return url_of(end, login, ssl_ca_certs=certificates.authority.ca)

    try:
        ask(url(LOGIN))
        with pytest.raises(REFUSED):
            ask(url("wrong"))
    finally:
        redis_client.acl_deluser("traffic:er")


@each_client
def test_a_unix_socket_a_password_and_a_database_are_used(tmp_path: Path, ask: Ask) -> None:
    port, path = free_port(), tmp_path / "a socket"
    (tmp_path / "data").mkdir()
    command = [*valkey_command(port, tmp_path / "data"), "--unixsocket", str(path), "--requirepass", "a b:c"]
    with Service("valkey on a socket", command, port):
        quoted = urllib.parse.quote(str(path))
        ask(f"unix://:a%20b%3Ac@{quoted}?db=3")
        with redis.Redis(port=port, password="a b:c") as client:
            context = client.info("commandstats")
        with pytest.raises(REFUSED):
            ask(f"unix://:wrong@{quoted}?db=3")
    assert "cmdstat_select" in context


def test_clicks_are_written_over_tls(
    end: TlsEnd, certificates: Certificates, redis_client: redis.Redis, tmp_path: Path
) -> None:
    url = url_of(end, ssl_ca_certs=certificates.authority.ca)

    async def scenario() -> None:
        async with writing(url, tmp_path, url) as writer:
            await written(writer, some_click("over tls"))
            assert writer.counts.spooled == 0

    asyncio.run(scenario())
    assert logged(redis_client) == {"over tls": "1"}
    assert (end.plain, end.encrypted >= 2) == (0, True)


def test_a_certificate_that_was_renewed_on_the_disk_is_used_at_the_next_connection(
    valkey: Service, redis_client: redis.Redis, certificates: Certificates, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes(certificates.other.ca.read_bytes())
    with TlsEnd(valkey.port, certificates.server) as end:
        connection = LogConnection(url_of(end, ssl_ca_certs=ca))
        assert not asyncio.run(connection.open())
        ca.write_bytes(certificates.authority.ca.read_bytes())
        asyncio.run(connection.try_out())


def test_sentinels_and_their_master_are_asked_over_tls(certificates: Certificates, tmp_path: Path) -> None:
    with (
        watched(tmp_path) as servers,
        TlsEnd(servers.master.port, certificates.server) as master,
        TlsEnd(servers.sentinel.port, certificates.server) as sentinel,
    ):
        # Sentinels name the master by the port at which they watch it themselves.
        servers.tell("REMOVE", "visitors")
        servers.tell("MONITOR", "visitors", LOCALHOST, master.port, 1)
        servers.tell("SET", "visitors", "auth-pass", "the/shared:one")
        plain = servers.url().replace("redis+sentinel", "rediss+sentinel")
        url = f"{plain.replace(str(servers.sentinel.port), str(sentinel.port))}&ssl_ca_certs="
        ask_as_who_shares_it(f"{url}{certificates.authority.ca}")
        assert master.encrypted >= 1
        assert sentinel.encrypted >= 1
        with pytest.raises(REFUSED):
            ask_as_who_shares_it(f"{url}{certificates.other.ca}")


def test_the_nodes_of_a_cluster_are_asked_over_tls(certificates: Certificates, tmp_path: Path) -> None:
    port = free_port()
    command = [
        *valkey_command(port, tmp_path),
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        str(free_port()),
    ]
    with TlsEnd(port, certificates.server) as end:
        announced = ["--cluster-announce-ip", LOCALHOST, "--cluster-announce-port", str(end.port)]
        with Service("cluster", [*command, *announced], port, valkey_answers), redis.Redis(port=port) as node:
            node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(
                lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO"), what="the cluster"
            )
            url = f"rediss+cluster://{LOCALHOST}:{end.port}?ssl_ca_certs="
            ask_as_who_shares_it(f"{url}{certificates.authority.ca}")
            assert (end.plain, end.encrypted >= 1) == (0, True)
            with pytest.raises(REFUSED):
                ask_as_who_shares_it(f"{url}{certificates.other.ca}")
