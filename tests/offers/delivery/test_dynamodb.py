"""A click's item, and the table that takes it, which is moto's here."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from offers.click_log.record import encode
from offers.click_log.stream import ClickLog
from offers.click_log.types import Entry
from offers.delivery.deliver import Delivered
from offers.delivery.dynamodb import BadClick, ClickTable, ItemsRefused, TableNotUsable, endpoint_url, item
from offers.spool.types import PendingClick
from tests.offers.logged import add, names, run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

# DynamoDB keeps 38 digits.
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda amount: len(amount.as_tuple().digits) <= 38 and -130 <= amount.adjusted() <= 125
)
SCALARS = st.text() | st.booleans() | st.integers(-(10**37), 10**37) | AMOUNTS


@pytest.fixture
def table(aws_endpoint: str, settings: Settings) -> "Table":
    """The table of the settings, empty; as boto3 shows it, so that amounts are decimals."""
    resource = boto3.resource("dynamodb", region_name=settings.AWS_DYNAMODB_REGION)
    table = resource.Table(settings.AWS_DYNAMODB_TABLE_NAME)
    with suppress(resource.meta.client.exceptions.ResourceNotFoundException):
        table.delete()
    resource.create_table(
        TableName=table.name,
        KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return table


def entry(unique: str = "", **fields: object) -> Entry:
    return Entry("1-1", json.dumps({"lid": "a", **fields}).encode(), unique)


@given(st.dictionaries(st.text(min_size=1), SCALARS))
def test_an_item_holds_exactly_what_the_record_says(fields: dict[str, Any]) -> None:
    fields = fields | {"lid": "a"}
    kept: dict[str, Any] = item(Entry("1-1", _encoded(fields), ""))
    found = {name: TypeDeserializer().deserialize(value) for name, value in kept.items()}
    assert found == fields
    assert {name: type(value) is bool for name, value in found.items()} == {
        name: type(value) is bool for name, value in fields.items()
    }


def _encoded(fields: dict[str, Any]) -> bytes:
    """JSON in which an amount is the number that it says."""
    members = (
        f"{json.dumps(name)}:{value if type(value) is Decimal else json.dumps(value)}"
        for name, value in fields.items()
    )
    return f"{{{','.join(members)}}}".encode()


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("5.10", "5.10"),
        ("0.1", "0.1"),
        ("1e-7", "1E-7"),
        ("12345678.12345678", "12345678.12345678"),
        ("7", "7"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
    ],
)
def test_numbers_keep_every_digit(number: str, kept: str, table: "Table") -> None:
    found = item(Entry("1-1", f'{{"lid":"a","payin":{number}}}'.encode(), ""))
    assert found["payin"] == {"N": kept}
    assert ClickTable().write([found]) == set()
    assert table.get_item(Key={"lid": "a"})["Item"]["payin"] == Decimal(number)


def test_amounts_survive_from_the_record_to_the_table(log: ClickLog, table: "Table") -> None:
    log.append([PendingClick(b'{"lid":"a","payin":%s}' % encode(Decimal("0.10000000")))])
    assert run(log) == Delivered(delivered=1)
    assert str(table.get_item(Key={"lid": "a"})["Item"]["payin"]) in ("0.1", "0.10000000")


@pytest.mark.parametrize(
    ("unique", "kept"), [("1", True), ("assumed", True), ("0", False), ("", None), ("?", None)]
)
def test_what_is_known_of_uniqueness_is_in_the_item(unique: str, kept: bool | None) -> None:
    assert item(entry(unique)).get("isUniqueVisit") == (None if kept is None else {"BOOL": kept})


@pytest.mark.parametrize(("unique", "flag"), [("assumed", {"BOOL": True}), ("1", None), ("0", None)])
def test_a_visitor_whom_nobody_could_look_up_is_flagged(unique: str, flag: object) -> None:
    assert item(entry(unique)).get("isUniqueVisitAssumed") == flag


def test_null_is_left_out() -> None:
    assert item(entry(cid=None, ok=False)) == {"lid": {"S": "a"}, "ok": {"BOOL": False}}


@pytest.mark.parametrize("click", [b"", b"{", b"\xff", b"[]", b"{}", b'{"lid":7}', b'{"lid":"a","x":{}}'])
def test_what_is_no_record_is_refused(click: bytes) -> None:
    with pytest.raises(BadClick):
        item(Entry("1-1", click, "1"))


def test_clicks_arrive_in_the_table(log: ClickLog, table: "Table") -> None:
    add(log, *names(60), payin=5.1, campaignId=7, isCpmOptionEnabled=False, userAgent="Ünicode 👍")
    assert run(log).delivered == 60
    assert table.item_count == 60
    assert table.get_item(Key={"lid": "click-59"})["Item"] == {
        "lid": "click-59",
        "payin": Decimal("5.1"),
        "campaignId": Decimal(7),
        "isCpmOptionEnabled": False,
        "isUniqueVisit": True,
        "userAgent": "Ünicode 👍",
    }


def test_a_click_too_large_for_dynamodb_is_set_aside_alone(log: ClickLog, table: "Table") -> None:
    add(log, *names(12))
    add(log, "large", referer="x" * 410_000)
    add(log, *names(24)[12:])
    assert run(log) == Delivered(delivered=24, dead_letters=1)
    assert (table.item_count, len(log.dead_letters(10))) == (24, 1)


def test_a_duplicate_in_a_batch_is_what_dynamodb_refuses(table: "Table") -> None:
    with pytest.raises(ItemsRefused):
        ClickTable().write([item(entry())] * 2)


def test_a_missing_table_is_told_with_what_to_check(table: "Table", settings: Settings) -> None:
    settings.AWS_DYNAMODB_TABLE_NAME = "another"
    with pytest.raises(TableNotUsable, match=r"AWS_DYNAMODB_TABLE_NAME \(another\)"):
        ClickTable().write([item(entry())])


def test_missing_credentials_are_told_with_what_to_set(
    table: "Table", monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(TableNotUsable, match="set AWS_ACCESS_KEY_ID"):
        ClickTable().write([item(entry())])


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("dynamodb.eu-west-1.amazonaws.com", "https://dynamodb.eu-west-1.amazonaws.com"),
        ("https://vpce-1.dynamodb.us-west-2.vpce.amazonaws.com",) * 2,
        ("http://localhost:8000", "http://localhost:8000"),
        # Where AWS has it anyway, so that AWS_ENDPOINT_URL can say otherwise.
        ("dynamodb.us-west-2.amazonaws.com", None),
        ("https://dynamodb.us-west-2.amazonaws.com", None),
        ("", None),
    ],
)
def test_the_endpoint_may_lack_its_scheme(endpoint: str, url: str | None, settings: Settings) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = endpoint
    assert endpoint_url() == url


def test_the_usual_endpoint_leaves_the_place_to_boto3(
    log: ClickLog, table: "Table", settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = "dynamodb.us-west-2.amazonaws.com"
    add(log, "a")
    assert run(log).delivered == 1
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert ClickTable()._client.meta.endpoint_url == "https://dynamodb.us-west-2.amazonaws.com"


def test_an_endpoint_that_is_none_is_told_with_what_to_check(settings: Settings) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = "http://not a host"
    with pytest.raises(TableNotUsable, match="AWS_DYNAMODB_ENDPOINT"):
        ClickTable()
