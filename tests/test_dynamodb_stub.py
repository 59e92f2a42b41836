"""The counting stand-in of DynamoDB, asked by boto3 as delivery asks it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from devstack.services import LOCALHOST, Service, free_port
from tests import http_client
from tests.dynamodb_stub import command

TABLE = "clicks"


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    port = free_port()
    store = tmp_path_factory.mktemp("stub") / "store"
    with Service("stub", [*command(port, store), "--table", TABLE], port) as service:
        yield service


@pytest.fixture
def url(stub: Service) -> str:
    url = f"http://{LOCALHOST}:{stub.port}"
    http_client.post(f"{url}/_mode", json={"mode": "ok"})
    http_client.post(f"{url}/_clear")
    return url


@pytest.fixture
def client(url: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=0.5)
    return boto3.client("dynamodb", region_name="us-west-2", endpoint_url=url, config=config)


def put(lid: str, **more: str) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"lid": {"S": lid}} | {name: {"N": at} for name, at in more.items()}}}


def write(client: Any, *requests: dict[str, Any]) -> list[str]:
    """The lids left unprocessed."""
    answer = client.batch_write_item(RequestItems={TABLE: list(requests)})
    left = answer["UnprocessedItems"].get(TABLE, [])
    return [request["PutRequest"]["Item"]["lid"]["S"] for request in left]


def lids(url: str) -> dict[str, tuple[int, int]]:
    lines = (line.split() for line in http_client.get(f"{url}/_lids").text.splitlines())
    return {lid: (int(count), int(differing)) for lid, count, differing in lines}


def code(client: Any, *requests: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as caught:
        write(client, *requests)
    return str(caught.value.response["Error"]["Code"])


def test_items_are_taken_and_repeats_counted(client: Any, url: str) -> None:
    assert write(client, put("a", payin="1", payout="2"), put("b")) == []
    client.put_item(TableName=TABLE, Item={"payout": {"N": "2"}, "payin": {"N": "1"}, "lid": {"S": "a"}})
    assert lids(url) == {"a": (2, 0), "b": (1, 0)}
    write(client, put("b", payin="1"))
    assert lids(url)["b"] == (2, 1)
    stats = http_client.get(f"{url}/_stats").json()
    assert (stats["lids"], stats["puts"], stats["repeats"], stats["differing"]) == (2, 4, 2, 1)


def test_it_remembers_after_a_kill(client: Any, url: str, stub: Service) -> None:
    write(client, put("a", payin="1"))
    stub.kill()
    stub.start()
    write(client, put("a", payin="1"))
    write(client, put("a", payin="3"))
    assert lids(url) == {"a": (3, 1)}


def test_it_refuses_what_dynamodb_refuses(client: Any, url: str) -> None:
    assert code(client, *(put(f"l{at}") for at in range(26))) == "ValidationException"
    assert code(client, put("a"), put("a")) == "ValidationException"
    assert code(client, put("a"), put("")) == "ValidationException"
    assert code(client, {"PutRequest": {"Item": {"lid": {"N": "1"}}}}) == "ValidationException"
    assert code(client, {"PutRequest": {"Item": {"other": {"S": "a"}}}}) == "ValidationException"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.batch_write_item(RequestItems={"other": [put("a")]})
    assert lids(url) == {}


def test_throttled_halves_are_left_unprocessed(client: Any, url: str) -> None:
    http_client.post(f"{url}/_mode", json={"mode": "throttle_half"})
    assert write(client, put("a"), put("b", payin="1"), put("c")) == ["b"]
    assert sorted(lids(url)) == ["a", "c"]


def test_failures_take_nothing(client: Any, url: str) -> None:
    http_client.post(f"{url}/_mode", json={"mode": "throttle_all"})
    assert code(client, put("a")) == "ProvisionedThroughputExceededException"
    http_client.post(f"{url}/_mode", json={"mode": "error_500"})
    assert code(client, put("a")) == "InternalServerError"
    assert lids(url) == {}


def test_hanging_requests_are_carried_out_every_other_time(client: Any, url: str) -> None:
    http_client.post(f"{url}/_mode", json={"mode": "hang"})
    for lid in ("a", "b"):
        with pytest.raises(ReadTimeoutError):
            write(client, put(lid))
    assert lids(url) == {"b": (1, 0)}


def test_an_unknown_mode_is_refused(url: str) -> None:
    assert http_client.post(f"{url}/_mode", json={"mode": "tired"}).status_code == 400
