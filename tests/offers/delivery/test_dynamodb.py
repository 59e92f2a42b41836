"""A click's item, and the table that takes it, which is moto's here."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from pytest_django import Settings

from offers.click_log.record import encode
from offers.click_log.stream import ClickLog
from offers.click_log.types import Entry
from offers.delivery.deliver import Delivered
from offers.delivery.dynamodb import ClickTable, ItemsRefused, TableNotUsable, endpoint_url
from offers.delivery.item import item
from offers.spool.types import PendingClick
from tests.offers.logged import add, names, run, write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


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


@pytest.mark.parametrize("number", ["5.10", "0.1", "1e-7", "12345678.12345678", "7", "1" * 38])
def test_numbers_keep_every_digit(number: str, table: "Table") -> None:
    found = item(Entry("1-1", f'{{"lid":"a","payin":{number}}}'.encode(), ""))
    assert write(ClickTable(), found) == set()
    assert table.get_item(Key={"lid": "a"})["Item"]["payin"] == Decimal(number)


def test_amounts_survive_from_the_record_to_the_table(log: ClickLog, table: "Table") -> None:
    log.append([PendingClick(b'{"lid":"a","payin":%s}' % encode(Decimal("0.10000000")))])
    assert run(log) == Delivered(delivered=1)
    assert str(table.get_item(Key={"lid": "a"})["Item"]["payin"]) in ("0.1", "0.10000000")


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


def test_a_click_too_large_for_dynamodb_becomes_a_dead_letter_alone(log: ClickLog, table: "Table") -> None:
    add(log, *names(12))
    add(log, "large", referer="x" * 410_000)
    add(log, *names(24)[12:])
    assert run(log) == Delivered(delivered=24, dead_letters=1)
    assert (table.item_count, len(log.dead_letters(10))) == (24, 1)


def test_a_duplicate_in_a_batch_is_what_dynamodb_refuses(table: "Table") -> None:
    with pytest.raises(ItemsRefused):
        write(ClickTable(), *[item(entry())] * 2)


def test_a_missing_table_is_told_with_what_to_check(table: "Table", settings: Settings) -> None:
    settings.AWS_DYNAMODB_TABLE_NAME = "another"
    with pytest.raises(TableNotUsable, match=r"AWS_DYNAMODB_TABLE_NAME \(another\)"):
        write(ClickTable(), item(entry()))


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
        write(ClickTable(), item(entry()))


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


def test_the_default_endpoint_does_not_override_a_region_that_is_set_alone(settings: Settings) -> None:
    settings.AWS_DYNAMODB_REGION = "eu-central-1"
    settings.AWS_DYNAMODB_ENDPOINT = "dynamodb.us-west-2.amazonaws.com"
    assert endpoint_url() is None


def test_the_usual_endpoint_leaves_the_place_to_boto3(
    log: ClickLog, table: "Table", settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = "dynamodb.us-west-2.amazonaws.com"
    add(log, "a")
    assert run(log).delivered == 1
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert ClickTable()._batch_write_item.url == "https://dynamodb.us-west-2.amazonaws.com"


def test_an_endpoint_that_is_none_is_told_with_what_to_check(settings: Settings) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = "http://not a host"
    with pytest.raises(TableNotUsable, match="AWS_DYNAMODB_ENDPOINT"):
        ClickTable()
