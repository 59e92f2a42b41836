"""The click table: DynamoDB, one item a click, its key the lid. A click written twice is the same item."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as ConnectFailed
from botocore.parsers import ResponseParserError
from django.conf import settings

from offers.click_log.stream import ASSUMED
from offers.click_log.types import Entry
from offers.delivery.dynamodb_answer import NotDynamoDB, RawAnswer, check_read, left_lids

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_ITEMS = 25
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
WRITE, READ = "dynamodb.BatchWriteItem", "dynamodb.GetItem"
ANSWER = "RawAnswer"
IS_UNIQUE = {"1": True, ASSUMED: True, "0": False}
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
# They say that the table's key is not `lid`, which no click can help.
BAD_KEY = ("key element does not match the schema", "Missing the key", "Type mismatch for key")

Item = dict[str, dict[str, Any]]


class BadClick(Exception):
    """What is in the log is no click, so that it can never be an item; the message says why."""


class TableAway(Exception):
    """DynamoDB does not take clicks now, and may in a while; the message says why."""


class TableNotUsable(Exception):
    """DynamoDB takes no clicks until somebody changes something; the message says what."""


class ItemsRefused(Exception):
    """DynamoDB takes none of these items, because of at least one of them; the message is its own."""


_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_encoder = msgspec.json.Encoder()


def item(entry: Entry) -> Item:
    """The table's item of a click in the log. Amounts keep every digit. Raises `BadClick`.

    Of a visitor whom nobody could look up it says `isUniqueVisitAssumed`, beside `isUniqueVisit`.
    """
    try:
        record = _decoder.decode(entry.click)
    except (msgspec.DecodeError, ValueError) as error:
        raise BadClick(f"not a record: {error}") from error
    lid = record.get("lid")
    if not isinstance(lid, str) or not lid:
        raise BadClick("a record without a lid")
    found = {name: _attribute(name, value) for name, value in record.items() if value is not None}
    if (unique := IS_UNIQUE.get(entry.unique)) is not None:
        found["isUniqueVisit"] = {"BOOL": unique}
    if entry.unique == ASSUMED:
        found["isUniqueVisitAssumed"] = {"BOOL": True}
    return found


def _attribute(name: str, value: object) -> dict[str, Any]:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is int or kind is Decimal:
        return {"N": str(value)}
    raise BadClick(f"{name} is neither text nor number nor boolean")


def _value(attribute: Mapping[str, Any]) -> Any:
    """The value of an attribute, as `item` made it; of another kind, as it is."""
    kind, value = next(iter(attribute.items()))
    if kind == "N":
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() and "." not in value else number
    return value if kind in ("S", "BOOL") else None if kind == "NULL" else attribute


class ClickTable:
    """The table of the settings. Threads may share it."""

    def __init__(self, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS) -> None:
        """Raise `TableNotUsable` for settings of which no client can be made."""
        self._name = settings.AWS_DYNAMODB_TABLE_NAME
        self._region = settings.AWS_DYNAMODB_REGION
        try:
            self._client = _client(self._region, connect_seconds, read_seconds)
        except (BotoCoreError, ValueError) as error:
            raise TableNotUsable(
                f"{error}; check AWS_DYNAMODB_ENDPOINT, AWS_DYNAMODB_REGION and AWS's own variables"
            ) from error

    def write(self, items: Sequence[Item]) -> set[str]:
        """Write up to `BATCH_ITEMS` items of different lids; returns the lids that DynamoDB left for later.

        Raises `TableAway`, `TableNotUsable` and `ItemsRefused`; then it is as if none was written.
        """
        requests = {self._name: [{"PutRequest": {"Item": item}} for item in items]}
        answer = self._ask("BatchWriteItem", self._client.batch_write_item, RequestItems=requests)
        try:
            return left_lids(answer[ANSWER], self._name, [item["lid"]["S"] for item in items])
        except NotDynamoDB as error:
            raise _stranger(str(error)) from error

    def read(self, lid: str) -> dict[str, Any] | None:
        """The record of a lid, None when the table has none. Raises `TableAway` and `TableNotUsable`."""
        key = {"lid": {"S": lid}}
        try:
            answer = self._ask("GetItem", self._client.get_item, TableName=self._name, Key=key)
        except ItemsRefused as error:
            raise TableNotUsable(f"DynamoDB refuses to read: {error}") from error
        try:
            check_read(answer[ANSWER])
            found: Item | None = answer.get("Item")
            if found is not None and found.get("lid") != key["lid"]:
                raise NotDynamoDB("its Item has another lid")
            return None if found is None else {name: _value(of) for name, of in found.items()}
        except (NotDynamoDB, ArithmeticError, StopIteration) as error:
            raise _stranger(_short(error)) from error

    def _ask(self, action: str, call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return call(**arguments)
        except ClientError as error:
            raise self._explained(action, error) from error
        except (ConnectFailed, HTTPClientError, ResponseParserError) as error:
            raise TableAway(f"DynamoDB does not answer: {_short(error)}") from error
        except UnicodeDecodeError as error:
            raise _stranger("it is not UTF-8") from error
        except (BotoCoreError, ValueError) as error:
            hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a role"
            raise TableNotUsable(f"DynamoDB cannot be asked: {_short(error)}; {hint}") from error
        except Exception as error:
            # What is not DynamoDB's answer makes botocore's parser fail in ways that it does not tell of.
            raise _stranger(f"{type(error).__name__}: {_short(error)}") from error

    def _explained(self, action: str, problem: ClientError) -> Exception:
        error: Mapping[str, Any] = problem.response.get("Error", {})
        code, message = str(error.get("Code", "")), str(error.get("Message", ""))
        status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        said = f"{code}: {message}"[:MAX_SHOWN]
        if status >= 500 or status == TOO_MANY or code in THROTTLED:
            return TableAway(f"DynamoDB takes nothing now ({status}): {said}")
        if status == TOO_LARGE or (code in BAD_ITEM and not any(words in message for words in BAD_KEY)):
            return ItemsRefused(said)
        if not code or code == str(status):
            # DynamoDB names its errors.
            return _stranger(f"it has status {status}")
        if code == "ResourceNotFoundException":
            hint = f"check AWS_DYNAMODB_TABLE_NAME ({self._name}) and AWS_DYNAMODB_REGION ({self._region})"
        elif code in BAD_ITEM:
            hint = f"the table {self._name} needs the key lid, a string, and no other"
        else:
            hint = f"AWS's credentials must allow dynamodb:{action} on {self._name} in {self._region}"
        return TableNotUsable(f"DynamoDB refuses us, {said}; {hint}")


def endpoint_url() -> str | None:
    """Where DynamoDB is, from the settings; None where boto3 finds it: at AWS, or at AWS_ENDPOINT_URL."""
    endpoint = settings.AWS_DYNAMODB_ENDPOINT.strip()
    # This name says no more than the region, and must not stand in the way of AWS_ENDPOINT_URL.
    if endpoint.removeprefix("https://") in ("", f"dynamodb.{settings.AWS_DYNAMODB_REGION}.amazonaws.com"):
        return None
    return endpoint if "://" in endpoint else f"https://{endpoint}"


def _client(region: str, connect_seconds: float, read_seconds: float) -> "DynamoDBClient":
    config = Config(
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=32,
        parameter_validation=False,
    )
    client = boto3.client("dynamodb", region_name=region, endpoint_url=endpoint_url(), config=config)
    # The items have the form of the protocol already; botocore's own check and conversion of them would more
    # than triple the time that a batch takes.
    # Unlike its types say, this event takes what its handlers return.
    client.meta.events.register(f"provide-client-params.{WRITE}", _take_body)  # type: ignore[arg-type]
    client.meta.events.register(f"before-call.{WRITE}", _give_body)
    client.meta.events.register(f"before-parse.{WRITE}", _keep_answer_unread)
    client.meta.events.register(f"before-parse.{READ}", _keep_answer)
    return client


def _take_body(params: dict[str, object], context: dict[str, object], **_: object) -> dict[str, object]:
    context["click_table_body"] = _encoder.encode(params)
    return {"RequestItems": {}}


def _give_body(params: dict[str, object], context: dict[str, object], **_: object) -> None:
    params["body"] = context.pop("click_table_body")


def _keep_answer(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    # botocore reads broken JSON as {"message": ...} and passes over what it does not know.
    if response_dict["status_code"] < 300:
        customized_response_dict[ANSWER] = RawAnswer(
            response_dict["status_code"], response_dict["headers"], response_dict["body"]
        )


def _keep_answer_unread(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    _keep_answer(response_dict, customized_response_dict)
    if response_dict["status_code"] < 300:
        response_dict["body"] = b"{}"


def _stranger(reason: str) -> TableAway:
    return TableAway(
        f"what answers is not DynamoDB: {reason}; check AWS_DYNAMODB_ENDPOINT and what stands between"
    )


def _short(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__)[:MAX_SHOWN]
