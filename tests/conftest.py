"""Fixtures for the whole suite: a prepared environment and real servers, started when first asked for."""

import json
import os
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

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONFORMANCE = Path(__file__).parent / "conformance"

# They start whole stacks or wait for processes to die; what fails fast should fail first.
SLOW = frozenset(
    {
        "test_tasks",
        "test_click_faults",
        "test_corecipe",
        "test_faults",
        "test_instance",
        "test_listener",
        "test_rehearsal",
        "test_stack",
    }
)
# Tests that share a whole stack, and therefore one process where the suite runs in several.
TOGETHER = ("browser", "test_instance")
# A busy machine makes single examples slow, which says nothing of the code.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")
ENVIRONMENT_KEY = pytest.StashKey[object]()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("dist", "no") != "no":
        # The processes that run the tests prepare their own; they must not inherit what would be set here.
        return
    # Here and not through pytest-django's ini option, which would load the settings too early.
    config.stash[ENVIRONMENT_KEY] = environment.prepare()
    django.setup()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_order)
    for item in items:
        for name in TOGETHER:
            if name in (*item.path.parts, item.path.stem):
                item.add_marker(pytest.mark.xdist_group(name))


def _order(item: pytest.Item) -> tuple[bool, bool]:
    # The browser's tests last: none but they get on with its event loop.
    return "browser" in item.path.parts, item.path.stem in SLOW


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
