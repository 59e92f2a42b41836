"""Where a click is, told by its lid: DynamoDB, the log, the dead letters, the spool, or nowhere."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import redis
from pytest_django import Settings

from devstack.services import LOCALHOST, free_port
from offers.click_log.stream import ASSUMED, ClickLog
from offers.delivery import lookup
from offers.delivery.lookup import Whereabouts, is_entry_id, look_up, read_lid, reading_table
from tests.offers.logged import add, redis_away, run

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

LID = "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"
OTHER = "00000000-0000-4000-8000-00000000000{}"
TABLE = "of-click-lookup"


@pytest.fixture
def table(aws_endpoint: str, settings: Settings, tmp_path: Path) -> Iterator["Table"]:
    """An empty table, at the endpoint of the settings, and an empty spool."""
    settings.AWS_DYNAMODB_TABLE_NAME = TABLE
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    dynamodb = boto3.resource("dynamodb", region_name=settings.AWS_DYNAMODB_REGION)
    table = dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    reading_table.cache_clear()
    yield table
    reading_table.cache_clear()
    table.delete()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def found(client: redis.Redis, entry_id: str = "") -> Whereabouts:
    return look_up(LID, client, entry_id)


def test_a_click_that_nobody_has_read_is_waiting(
    log: ClickLog, redis_client: redis.Redis, table: "Table"
) -> None:
    add(log, OTHER.format(1), LID, OTHER.format(2), payin=4.5)
    click = found(redis_client)
    assert click.log
    assert (click.log.state, click.in_table, click.in_log) == ("waiting", False, 3)
    assert click.record
    assert (str(click.record["payin"]), click.record["isUniqueVisit"]) == ("4.5", True)


def test_a_visitor_who_could_not_be_looked_up_is_told(
    log: ClickLog, redis_client: redis.Redis, table: "Table"
) -> None:
    add(log, LID, unique=ASSUMED)
    click = found(redis_client)
    assert click.record
    assert (click.record["isUniqueVisit"], click.record["isUniqueVisitAssumed"]) == (True, True)


def test_a_click_that_a_worker_holds_is_under_way(
    log: ClickLog, redis_client: redis.Redis, table: "Table"
) -> None:
    add(log, LID)
    log.delivery.create()
    log.delivery.read_new("worker-1", 10)
    click = found(redis_client)
    assert click.log
    assert (click.log.state, click.log.consumer, click.log.tries) == ("under way", "worker-1", 1)


def test_a_delivered_click_is_read_from_the_table_and_found_in_the_log_by_its_time(
    log: ClickLog, redis_client: redis.Redis, table: "Table"
) -> None:
    add(log, OTHER.format(1), LID, dateAdded=now_ms(), payin=4.5, country="US")
    assert run(log).delivered == 2
    click = found(redis_client)
    assert click.in_table
    assert click.record
    assert (click.record["country"], str(click.record["payin"])) == ("US", "4.5")
    assert click.log
    assert click.log.state == "delivered"


def test_a_delivered_click_that_the_log_no_longer_keeps_is_in_the_table(
    log: ClickLog, redis_client: redis.Redis, table: "Table"
) -> None:
    table.put_item(Item={"lid": LID, "dateAdded": 1_700_000_000_000, "isUniqueVisit": False})
    add(log, OTHER.format(1))
    click = found(redis_client)
    assert (click.in_table, click.log, click.searched) == (True, None, 0)
    assert click.record == {"lid": LID, "dateAdded": 1_700_000_000_000, "isUniqueVisit": False}


def test_a_known_entry_saves_the_search(log: ClickLog, redis_client: redis.Redis, table: "Table") -> None:
    add(log, LID, *(OTHER.format(n) for n in range(5)))
    entries: Any = redis_client.xrange("clicks", count=1)
    click = found(redis_client, entries[0][0].decode())
    assert click.log
    assert click.searched == 0


def test_a_known_entry_that_is_another_clicks_misleads_nobody(
    log: ClickLog, redis_client: redis.Redis, table: "Table"
) -> None:
    add(log, OTHER.format(1), LID)
    entries: Any = redis_client.xrange("clicks", count=1)
    for wrong in (entries[0][0].decode(), "nonsense", "1-1"):
        assert found(redis_client, wrong).log


def test_a_dead_letter_tells_its_error(log: ClickLog, redis_client: redis.Redis, table: "Table") -> None:
    add(log, LID, tags=["a list"])
    assert run(log).dead_letters == 1
    click = found(redis_client)
    assert click.dead_error == "tags is neither text nor number nor boolean"
    assert click.record
    assert click.log is None or click.log.state == "delivered"


def test_a_click_in_the_spool_is_found_there(
    redis_client: redis.Redis, table: "Table", tmp_path: Path
) -> None:
    lines = [json.dumps({"click": {"lid": lid, "cid": "c"}}, separators=(",", ":")) for lid in (OTHER, LID)]
    (tmp_path / "1-1.ndjson").write_text("\n".join(lines) + "\n")
    click = found(redis_client)
    assert (click.in_spool, click.record) == (True, {"lid": LID, "cid": "c"})


def test_a_lid_that_is_nowhere_tells_how_far_was_looked(
    log: ClickLog, redis_client: redis.Redis, table: "Table", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "STEP", 10)
    monkeypatch.setattr(lookup, "MAX_ENTRIES", 30)
    add(log, *(OTHER.format(n % 10) for n in range(45)))
    click = found(redis_client)
    assert (click.record, click.searched, click.in_log) == (None, 30, 45)


def test_the_whole_log_is_searched_step_by_step_while_it_is_small(
    log: ClickLog, redis_client: redis.Redis, table: "Table", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "STEP", 10)
    add(log, LID, *(OTHER.format(n % 10) for n in range(25)))
    assert found(redis_client).log


def test_while_dynamodb_is_away_the_log_still_answers(
    log: ClickLog, redis_client: redis.Redis, settings: Settings, tmp_path: Path
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = f"http://{LOCALHOST}:{free_port()}"
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    reading_table.cache_clear()
    add(log, LID)
    click = found(redis_client)
    reading_table.cache_clear()
    assert click.log
    assert "does not answer" in click.table_problem


def test_a_table_that_is_not_there_is_told_with_what_to_check(
    redis_client: redis.Redis, table: "Table", settings: Settings
) -> None:
    settings.AWS_DYNAMODB_TABLE_NAME = "another"
    reading_table.cache_clear()
    assert "AWS_DYNAMODB_TABLE_NAME (another)" in found(redis_client).table_problem


def test_while_redis_is_away_a_delivered_click_is_still_shown(table: "Table") -> None:
    table.put_item(Item={"lid": LID, "cid": "c"})
    click = look_up(LID, redis_away())
    assert (click.in_table, click.record) == (True, {"lid": LID, "cid": "c"})
    assert "Redis does not answer" in click.log_problem


@pytest.mark.parametrize(
    "text",
    [LID, f" {LID}\n", LID.upper(), f"https://page.example/?offer_id=1&lid={LID}&ap=1"],
)
def test_a_lid_is_found_in_what_was_pasted(text: str) -> None:
    assert read_lid(text) == LID


@pytest.mark.parametrize("text", ["", "abc", LID[:-1], "<script>"])
def test_what_is_no_lid_is_none(text: str) -> None:
    assert read_lid(text) is None


@pytest.mark.parametrize("text", ["1764000000000-0", "0-1", f"{2**64 - 1}-{2**64 - 2}"])
def test_an_id_that_an_entry_can_have_is_one(text: str) -> None:
    assert is_entry_id(text)


NO_IDS = ["", "1764000000000", "٣-1", "0-0", f"{2**64}-1", f"1-{2**64}", f"{2**64 - 1}-{2**64 - 1}"]


@pytest.mark.parametrize("text", NO_IDS)
def test_what_redis_cannot_read_as_an_id_is_none(text: str) -> None:
    assert not is_entry_id(text)


@pytest.mark.parametrize("entry_id", NO_IDS)
def test_a_known_entry_that_is_none_is_passed_over(
    log: ClickLog, redis_client: redis.Redis, table: "Table", entry_id: str
) -> None:
    add(log, LID)
    click = found(redis_client, entry_id)
    assert (click.log is not None, click.log_problem) == (True, "")


@pytest.mark.parametrize("added", [-1, 2**64, "1764000000000"])
def test_a_record_whose_time_redis_cannot_read_is_looked_for_in_the_whole_log(
    log: ClickLog, redis_client: redis.Redis, table: "Table", added: Any
) -> None:
    table.put_item(Item={"lid": LID, "dateAdded": added})
    add(log, LID)
    click = found(redis_client)
    assert (click.in_table, click.log is not None, click.log_problem) == (True, True, "")
