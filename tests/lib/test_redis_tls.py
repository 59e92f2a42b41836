"""Every option of a Redis URL holds for every connection: TLS, users, Unix sockets, for each client."""

import asyncio
import ssl
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import redis
from django.conf import settings as django_settings
from django.core.checks import CheckMessage
from django.test import override_settings
from django_redis.pool import ConnectionFactory
from kombu.exceptions import OperationalError
from redis.exceptions import RedisClusterException

from cotraffic.checks import broker, instance, shared_redis
from cotraffic.checks import redis as redis_checks
from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from lib.shared_redis import open_shared
from offers.bootstrap import open_redis
from offers.click_log.connection import LogConnection
from tests.offers.sentinels import watched
from tests.offers.writing import logged, some_click, writing
from tests.processes import wait_until
from tests.tls import KEY_PASSWORD, Authority, TlsEnd

# What each client raises where it is not let in, or does not want to be.
REFUSED = (redis.RedisError, RedisClusterException, OperationalError, OSError)
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
LOGIN = "p:w@x/1 #$%?"


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


class Certificates(NamedTuple):
    """What a private authority has issued, and another authority."""

    authority: Authority
    other: Authority
    server: tuple[Path, Path]
    misnamed: tuple[Path, Path]
    client: tuple[Path, Path]
    locked_client: tuple[Path, Path]
    other_client: tuple[Path, Path]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("tls")
    authority, other = Authority(directory / "ours"), Authority(directory / "theirs")
    return Certificates(
        authority,
        other,
        authority.issue("server", "localhost", LOCALHOST),
        authority.issue("misnamed", "another.example"),
        authority.issue("client"),
        authority.issue("locked", password=KEY_PASSWORD),
        other.issue("client"),
    )


@pytest.fixture
def end(valkey: Service, redis_client: redis.Redis, certificates: Certificates) -> Iterator[TlsEnd]:
    """A Redis with TLS and a private authority."""
    with TlsEnd(valkey.port, certificates.server) as end:
        yield end


def url_of(end: TlsEnd, login: str = "", /, **options: object) -> str:
    return f"rediss://{login}localhost:{end.port}/0?{urllib.parse.urlencode(options)}"


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
            await writer.written(some_click("over tls"))
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


def complaints(url: str) -> list[str | None]:
    """The ids of what the checks say of a URL in all three places."""
    with override_settings(REDIS_URL=url, SHARED_REDIS_URL=url, CELERY_BROKER_URL=url):
        found: list[CheckMessage] = [
            *instance.check_redis(),
            *redis_checks.check_clicks_can_be_written(),
            *redis_checks.check_redis_keeps_clicks(),
            *broker.check_broker(),
            *shared_redis.check_shared_redis(),
        ]
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_the_checks_open_what_the_workers_open(end: TlsEnd, certificates: Certificates) -> None:
    assert complaints(url_of(end, ssl_ca_certs=certificates.authority.ca)) == []
    assert complaints(url_of(end)) == ["cotraffic.E005", "cotraffic.W044"]


def test_a_file_that_is_not_there_is_named(end: TlsEnd, certificates: Certificates, tmp_path: Path) -> None:
    missing = tmp_path / "none.crt"
    for option in ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"):
        with override_settings(REDIS_URL=url_of(end, **{option: missing})):
            (message,) = instance.check_redis()
        assert f"{option} that cannot be read: {missing}" in message.msg


@pytest.mark.parametrize("forbidden", ["-evalsha", "-script|load", "-@scripting"])
def test_a_user_who_may_not_write_clicks_is_told(
    redis_client: redis.Redis, redis_url: str, forbidden: str
) -> None:
    redis_client.acl_setuser(
        "reader", enabled=True, passwords=["+pw"], commands=["+@all", forbidden], keys=["*"]
    )
    url = redis_url.replace("redis://", "redis://reader:pw@")
    try:
        with override_settings(REDIS_URL=url):
            (message,) = redis_checks.check_clicks_can_be_written()
    finally:
        redis_client.acl_deluser("reader")
    assert message.id == "cotraffic.E055"
    assert "EVALSHA" in (message.hint or "")


def test_a_broker_of_its_own_that_is_away_is_a_warning() -> None:
    with override_settings(CELERY_BROKER_URL=f"redis://:hush@{LOCALHOST}:{free_port()}/0"):
        (message,) = broker.check_broker()
    assert message.id == "cotraffic.W057"
    assert "hush" not in f"{message.msg}{message.hint}"


def test_a_broker_that_is_no_redis_is_left_alone() -> None:
    with override_settings(CELERY_BROKER_URL="sqs://"):
        assert broker.check_broker() == []
