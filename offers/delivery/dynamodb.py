"""The click table in DynamoDB: one item a click, its key the lid. Writing a click twice does no harm."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectFailed
from botocore.parsers import ResponseParserError
from django.conf import settings

from offers.delivery.dynamodb_answer import NotDynamoDB, found_item, left_lids
from offers.delivery.encoded_operation import EncodedOperation
from offers.delivery.item import Item
from offers.delivery.persistent_connections import Exchange

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_ITEMS = 25
# Of AWS_DYNAMODB_ENDPOINT.
DEFAULT_ENDPOINT = "dynamodb.us-west-2.amazonaws.com"
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
MAX_SHOWN = 300
TOO_LARGE, TOO_MANY = 413, 429

THROTTLED = frozenset(
    (
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
    )
)
BAD_ITEM = frozenset(
    ("ItemCollectionSizeLimitExceededException", "SerializationException", "ValidationException")
)
# Errors of the table and not of a click: its key is not `lid`.
BAD_KEY = ("key element does not match the schema", "Missing the key", "Type mismatch for key")


class TableAway(Exception):
    """DynamoDB takes no clicks now, but may do so later; the message says why."""


class TableNotUsable(Exception):
    """DynamoDB takes no clicks until somebody changes the setup; the message says what to change."""


class ItemsRefused(Exception):
    """DynamoDB refuses these items because of at least one of them; the message is DynamoDB's."""


_encode = msgspec.json.Encoder().encode


def _value(attribute: object) -> object:
    """Return the value of an attribute that `item` makes; an attribute of another type as it is.

    Raises `ArithmeticError` or `NotDynamoDB` for what is no attribute.
    """
    if not isinstance(attribute, dict) or len(attribute) != 1:
        raise NotDynamoDB("its Item is none")
    ((kind, value),) = attribute.items()
    if kind == "N" and isinstance(value, str):
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() and "." not in value else number
    return value if kind in ("S", "BOOL") else None if kind == "NULL" else attribute


class ClickTable:
    """The table that the settings name. Threads may share it."""

    def __init__(self, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS) -> None:
        """Raise `TableNotUsable` if no client can be made from the settings."""
        self._name = settings.AWS_DYNAMODB_TABLE_NAME
        self._region = settings.AWS_DYNAMODB_REGION
        try:
            client = _client(self._region, connect_seconds, read_seconds)
        except (BotoCoreError, ValueError) as error:
            raise TableNotUsable(
                f"{error}; check AWS_DYNAMODB_ENDPOINT, AWS_DYNAMODB_REGION and AWS's own variables"
            ) from error
        self._batch_write_item = EncodedOperation(client, "BatchWriteItem")
        self._get_item = EncodedOperation(client, "GetItem")

    def begin(self, items: Sequence[Item]) -> Exchange:
        """Begin to write up to `BATCH_ITEMS` items of different lids. Raises what `end` raises."""
        puts = b"}},".join([b'{"PutRequest":{"Item":' + item.attributes for item in items])
        body = b'{"RequestItems":{%b:[%b}}]}}' % (_encode(self._name), puts)
        with self._explained(self._batch_write_item.name):
            return self._batch_write_item.begin(body)

    def end(self, exchange: Exchange, items: Sequence[Item]) -> set[str]:
        """Wait for DynamoDB's answer, and return the lids of the items that it left for later.

        Raises `TableAway`, `TableNotUsable` and `ItemsRefused`; then treat all items as not written.
        """
        with self._explained(self._batch_write_item.name):
            answer = self._batch_write_item.end(exchange)
        try:
            return left_lids(answer, self._name, [item.lid for item in items])
        except NotDynamoDB as error:
            raise _stranger(str(error)) from error

    def read(self, lid: str) -> dict[str, object] | None:
        """Return the record of a lid, None if the table has none. Raises `TableAway` and `TableNotUsable`."""
        key = {"lid": {"S": lid}}
        try:
            with self._explained(self._get_item.name):
                answer = self._get_item.call(_encode({"TableName": self._name, "Key": key}))
        except ItemsRefused as error:
            raise TableNotUsable(f"DynamoDB refuses to read: {error}") from error
        try:
            found = found_item(answer)
            if found is not None and found.get("lid") != key["lid"]:
                raise NotDynamoDB("its Item has another lid")
            return None if found is None else {name: _value(of) for name, of in found.items()}
        except (NotDynamoDB, ArithmeticError) as error:
            raise _stranger(_short(error)) from error

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        """Raise errors of ours, which say what to do, for those of botocore."""
        try:
            yield
        except ClientError as error:
            raise self._refusal(action, error) from error
        except (ConnectFailed, HTTPClientError, ResponseParserError) as error:
            raise TableAway(f"DynamoDB does not answer: {_short(error)}") from error
        except UnicodeDecodeError as error:
            raise _stranger("it is not UTF-8") from error
        except (BotoCoreError, ValueError) as error:
            hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a role"
            raise TableNotUsable(f"DynamoDB cannot be asked: {_short(error)}; {hint}") from error
        except Exception as error:
            # An answer of something else makes botocore's parser fail with undocumented errors.
            raise _stranger(f"{type(error).__name__}: {_short(error)}") from error

    def _refusal(self, action: str, problem: ClientError) -> Exception:
        error = problem.response.get("Error", {})
        # What is not DynamoDB may name its error by a list.
        code, message = str(error.get("Code", "")), str(error.get("Message", ""))
        status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        said = f"{code}: {message}"[:MAX_SHOWN]
        if status >= 500 or status == TOO_MANY or code in THROTTLED:
            return TableAway(f"DynamoDB takes nothing now ({status}): {said}")
        if status == TOO_LARGE or (code in BAD_ITEM and not any(words in message for words in BAD_KEY)):
            return ItemsRefused(said)
        if not code or code == str(status):
            # DynamoDB would have named the error.
            return _stranger(f"it has status {status}")
        if code == "ResourceNotFoundException":
            hint = f"check AWS_DYNAMODB_TABLE_NAME ({self._name}) and AWS_DYNAMODB_REGION ({self._region})"
        elif code in BAD_ITEM:
            hint = f"the table {self._name} needs the key lid, a string, and no other"
        else:
            hint = f"AWS's credentials must allow dynamodb:{action} on {self._name} in {self._region}"
        return TableNotUsable(f"DynamoDB refuses us, {said}; {hint}")


def endpoint_url() -> str | None:
    """Return the URL of DynamoDB in the settings; None if boto3 finds it, at AWS or at AWS_ENDPOINT_URL."""
    endpoint = settings.AWS_DYNAMODB_ENDPOINT.strip()
    # AWS's own name adds nothing to the region, and must not override AWS_ENDPOINT_URL. The default is that
    # of one region, and must not override another one that is set alone.
    of_region = f"dynamodb.{settings.AWS_DYNAMODB_REGION}.amazonaws.com"
    if endpoint.removeprefix("https://") in ("", of_region, DEFAULT_ENDPOINT):
        return None
    return endpoint if "://" in endpoint else f"https://{endpoint}"


def _client(region: str, connect_seconds: float, read_seconds: float) -> "DynamoDBClient":
    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=32,
    )
    return boto3.client("dynamodb", region_name=region, endpoint_url=endpoint_url(), config=config)


def _stranger(reason: str) -> TableAway:
    return TableAway(
        f"what answers is not DynamoDB: {reason}; check AWS_DYNAMODB_ENDPOINT and what stands between"
    )


def _short(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__)[:MAX_SHOWN]
