"""Fixtures for the whole suite: a prepared environment and real servers, started when first asked for."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import django
import hypothesis
import pytest
import redis

from devstack import services
from devstack.geoip import Network, write_databases
from tests import environment
from tests.tls import Certificates, TlsEnd

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFORMANCE = Path(__file__).parent / "conformance"

# What takes longest begins first, so that no process is left with it while the others have nothing to do.
LONGEST = (
    "test_click_faults",
    "browser",
    "test_instance",
    "test_docs",
    "test_connection",
    "test_endless_input",
    "test_failover",
    "test_stack",
    "test_bench",
    "test_rehearsal",
    "test_listener",
    "test_corecipe",
    "test_faults",
    "test_tasks",
)
# A busy machine makes single examples slow, which says nothing of the code.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")
# A test's id is in the environment of whatever it starts, and Linux takes 128 KB there.
LONGEST_ID = 200
ENVIRONMENT_KEY = pytest.StashKey[object]()


def pytest_configure(config: pytest.Config) -> None:
    # Whatever the machine says: hundreds of processes start here, and each would compile our modules anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if config.getoption("dist", "no") != "no":
        # The processes that run the tests prepare their own; they must not inherit what would be set here.
        return
    # Here and not through pytest-django's ini option, which would load the settings too early.
    config.stash[ENVIRONMENT_KEY] = environment.prepare()
    django.setup()


def pytest_make_parametrize_id(val: object) -> str | None:
    if isinstance(val, str | bytes) and len(val) > LONGEST_ID:
        return f"{val[:20]!a} and {len(val) - 20} more"
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_order)
    for item in items:
        if shared := _shared_with(item):
            item.add_marker(pytest.mark.xdist_group(shared))


def pytest_collection_finish(session: pytest.Session) -> None:
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    if session.config.getoption("loadgroup", False) and not all("@" in item.nodeid for item in grouped):
        raise pytest.UsageError("this pytest-xdist does not group tests with this pytest")


def _order(item: pytest.Item) -> int:
    names = (*item.path.parts, item.path.stem)
    return next((place for place, name in enumerate(LONGEST) if name in names), len(LONGEST))


def _shared_with(item: pytest.Item) -> str:
    """The file or folder whose tests share a server with this one, and therefore a process; "": none."""
    assert isinstance(item, pytest.Function)
    scopes = {found[-1].scope: found[-1] for found in item._fixtureinfo.name2fixturedefs.values()}
    if "package" in scopes:
        return scopes["package"].baseid
    return item.path.stem if "module" in scopes else ""


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Service]:
    """The server behind `REDIS_URL`; a test that stops it must start it again."""
    port = urlsplit(os.environ["REDIS_URL"]).port
    assert port
    data_dir = tmp_path_factory.mktemp("valkey")
    with services.Service(
        "valkey", services.valkey_command(port, data_dir), port, services.valkey_answers
    ) as service:
        yield service


@pytest.fixture(scope="session")
def redis_url(valkey: services.Service) -> str:
    """`REDIS_URL`, with a running server behind it; what is in there is left from other tests."""
    return f"redis://{services.LOCALHOST}:{valkey.port}/0"


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the empty database at `REDIS_URL`; answers are bytes."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        client.function_flush("SYNC")
        yield client


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """`AWS_ENDPOINT_URL`, with moto's server behind it; boto3 clients find it by themselves."""
    url = os.environ["AWS_ENDPOINT_URL"]
    port = urlsplit(url).port
    assert port
    with services.Service("moto", services.aws_command(port), port):
        yield url


@pytest.fixture
def s3(aws_endpoint: str) -> "S3Client":
    """An S3 client; the bucket of the settings exists and is empty."""
    client = boto3.client("s3", endpoint_url=aws_endpoint, region_name=os.environ["AWS_REGION"])
    bucket = os.environ["S3_BUCKET_NAME"]
    client.create_bucket(Bucket=bucket)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for item in page.get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])
    return client


@pytest.fixture(scope="session")
def geoip_databases() -> None:
    """City and ISP databases at the paths of the settings, with the addresses of `conformance/geo.json`."""
    places = json.loads((CONFORMANCE / "geo.json").read_text())
    write_databases(
        [Network(cidr=address, **place) for address, place in places.items()],
        Path(os.environ["MAXMIND_PATH"]),
        Path(os.environ["MAXMIND_PATH_ISP"]),
    )


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What a private authority has issued for localhost, and another authority."""
    return Certificates.issued_in(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def end(valkey: services.Service, redis_client: redis.Redis, certificates: Certificates) -> Iterator[TlsEnd]:
    """A Redis with TLS and a private authority."""
    with TlsEnd(valkey.port, certificates.server) as end:
        yield end
