"""A request whose body is encoded already is the one that boto3 sends, and fails as boto3's fails."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from devstack.services import LOCALHOST, free_port
from offers.delivery.encoded_operation import EncodedOperation
from tests.offers.impostor import Answer, Impostor

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BODY = b'{"RequestItems":{}}'


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    with Impostor(Answer(b'{"UnprocessedItems":{}}')) as impostor:
        yield impostor


@pytest.fixture
def client(impostor: Impostor) -> "DynamoDBClient":
    return client_of(impostor.url)


def client_of(url: str, **options: Any) -> "DynamoDBClient":
    config = Config(read_timeout=0.2, retries={"total_max_attempts": 1, "mode": "standard"})
    return boto3.client("dynamodb", region_name="eu-west-1", endpoint_url=url, config=config, **options)


def signature(headers: dict[str, str], url: str, credentials: Credentials) -> str:
    """What botocore's signer makes of a request with these headers, at the moment that they name."""
    request = AWSRequest(
        "POST", url, {name: headers[name] for name in headers if name.startswith("x-amz")}, BODY
    )
    request.headers["Content-Type"] = headers["content-type"]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(credentials, "dynamodb", "eu-west-1")
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


def test_it_says_what_boto3_says(impostor: Impostor, client: "DynamoDBClient") -> None:
    client.batch_write_item(RequestItems={})
    answer = EncodedOperation(client, "BatchWriteItem").call(BODY)
    theirs, ours = impostor.requests
    assert answer.body == b'{"UnprocessedItems":{}}'
    assert (ours.path, ours.body) == (theirs.path, theirs.body.replace(b" ", b""))
    for name in ("content-type", "host", "x-amz-target"):
        assert ours.headers[name] == theirs.headers[name]


def test_it_is_signed_with_the_clients_credentials(impostor: Impostor) -> None:
    keys = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret", "aws_session_token": "token"}
    EncodedOperation(client_of(impostor.url, **keys), "BatchWriteItem").call(BODY)
    (request,) = impostor.requests
    authorization = request.headers["authorization"]
    assert "Credential=AKID/" in authorization
    assert "/eu-west-1/dynamodb/aws4_request" in authorization
    assert request.headers["x-amz-security-token"] == "token"
    expected = signature(request.headers, impostor.url, Credentials("AKID", "secret", "token"))
    assert authorization.endswith(f"Signature={expected}")


def test_a_roles_credentials_are_asked_for_again_before_they_end(
    impostor: Impostor, client: "DynamoDBClient"
) -> None:
    keys = iter(("FIRST", "SECOND"))

    def renewed() -> dict[str, str]:
        soon = datetime.now(UTC) + timedelta(seconds=1)
        return {"access_key": next(keys), "secret_key": "s", "token": "t", "expiry_time": soon.isoformat()}

    operation = EncodedOperation(client, "BatchWriteItem")
    role = RefreshableCredentials.create_from_metadata(renewed(), renewed, "test")
    operation._signer._credentials = role
    operation.call(BODY)
    assert "Credential=SECOND/" in impostor.requests[-1].headers["authorization"]


def test_one_connection_is_kept_for_all_requests(impostor: Impostor, client: "DynamoDBClient") -> None:
    operation = EncodedOperation(client, "BatchWriteItem")
    for _ in range(5):
        operation.call(BODY)
    assert len({request.client for request in impostor.requests}) == 1


def test_an_error_is_boto3s_error(impostor: Impostor, client: "DynamoDBClient") -> None:
    told = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "slow down"}
    impostor.answer = Answer(json.dumps(told).encode(), 400)
    with pytest.raises(ClientError) as theirs:
        client.batch_write_item(RequestItems={})
    with pytest.raises(ClientError) as ours:
        EncodedOperation(client, "BatchWriteItem").call(BODY)
    assert ours.value.response["Error"] == theirs.value.response["Error"]


def test_nobody_there_is_botocores_error() -> None:
    operation = EncodedOperation(client_of(f"http://{LOCALHOST}:{free_port()}"), "BatchWriteItem")
    with pytest.raises(EndpointConnectionError):
        operation.call(BODY)


def test_no_answer_is_botocores_error(impostor: Impostor, client: "DynamoDBClient") -> None:
    impostor.answer = Answer(b"{}", delay_seconds=1)
    with pytest.raises(ReadTimeoutError):
        EncodedOperation(client, "BatchWriteItem").call(BODY)
