"""What staff sees of the clicks, and can do about them, from the command line; and who delivers them."""

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import redis
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from devstack.services import LOCALHOST, free_port
from offers import tasks
from offers.click_log.stream import ClickLog
from offers.management.commands import clicks_redeliver
from offers.spool.types import PendingClick
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, redis_away, run
from tests.processes import command, wait_until
from tests.recipes.test_tasks import beat_and_worker

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AWAY = {"REDIS_URL": f"redis://{LOCALHOST}:{free_port()}/0"}


@pytest.fixture
def spool(settings: Settings, tmp_path: Path) -> Path:
    directory = tmp_path / "spool"
    directory.mkdir()
    settings.CLICK_SPOOL_DIR = str(directory)
    return directory


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints, whatever its exit code."""
    with suppress(SystemExit):
        call_command(*arguments)
    return capsys.readouterr().out


def status_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The status as JSON, without the room on the disk, which is whatever it is."""
    status: dict[str, Any] = json.loads(printed(capsys, "clicks_status", "--json"))
    assert 0 < status["spool"].pop("disk_free") <= status["spool"].pop("disk_size")
    return status


def test_the_status_of_an_empty_redis_is_all_zeros(
    log: ClickLog, spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(capsys) == {
        "backlog": 0,
        "oldest_age_seconds": None,
        "delivered_per_second": 0,
        "delivered": 0,
        "in_log": 0,
        "dead_letters": 0,
        "spool": {"files": 0, "clicks": 0, "bytes": 0},
        "spooled": 0,
        "lost": 0,
        "conversions": {"due": 0, "waiting": 0, "dead": 0, "dead_dropped": 0},
        "dead_dropped": 0,
        "archive": None,
    }


def test_the_status_tells_where_the_clicks_are(
    log: ClickLog,
    spool: Path,
    dynamodb: BadDynamoDB,
    redis_client: redis.Redis,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dynamodb.poison = {"click-3"}
    add(log, *names(20))
    run(log)
    add(log, "waiting-1", "waiting-2")
    log.append(
        [
            PendingClick(b'{"lid":"x"}', conversion="1 due"),
            PendingClick(b'{"lid":"y"}', conversion="99999999999999 later"),
        ]
    )
    redis_client.hincrby("clicks:totals", "lost", 7)
    redis_client.hincrby("clicks:totals", "spooled", 9)
    (spool / "1-1.ndjson").write_text("{}\n{}\n")
    (spool / "2-1.ndjson").write_text("{}\n")
    (spool / ".hidden").write_text("{}\n")
    status = status_of(capsys)
    assert 0 <= status.pop("oldest_age_seconds") < 10
    assert status.pop("delivered_per_second") > 0.1
    assert status == {
        "backlog": 4,
        "delivered": 19,
        "in_log": 24,
        "dead_letters": 1,
        "spool": {"files": 2, "clicks": 3, "bytes": 9},
        "spooled": 9,
        "lost": 7,
        "conversions": {"due": 1, "waiting": 2, "dead": 0, "dead_dropped": 0},
        "dead_dropped": 0,
        "archive": None,
    }
    table = printed(capsys, "clicks_status")
    for words in ("4 clicks wait", "19, now", "3 clicks in 2 files", "Item size", "click-3", "2 wait, 1 of"):
        assert words in table


def status_code(*arguments: str) -> int:
    """The exit code of `clicks_status`."""
    code: object = 0
    try:
        call_command("clicks_status", "--json", *arguments)
    except SystemExit as ended:
        code = ended.code
    assert isinstance(code, int)
    return code


def test_the_exit_code_tells_of_clicks_that_wait_too_long(log: ClickLog, spool: Path) -> None:
    assert status_code() == 0
    add(log, "waiting")
    assert status_code() == 0
    assert status_code("--max-age", "0") == 3


def test_the_exit_code_tells_of_clicks_in_the_spool(log: ClickLog, spool: Path) -> None:
    (spool / "1-1.ndjson").write_text("{}\n")
    assert status_code() == 3


@pytest.mark.parametrize("stream", ["clicks:dead", "clicks:conversions:dead"])
def test_the_exit_code_tells_of_dead_letters(
    log: ClickLog, spool: Path, redis_client: redis.Redis, stream: str
) -> None:
    (spool / "1-1.ndjson").write_text("{}\n")
    redis_client.xadd(stream, {"click": "{}", "message": "{}", "unique": "", "error": "no"})
    assert status_code() == 4


def test_the_table_writes_nothing_that_a_terminal_obeys(
    log: ClickLog, spool: Path, redis_client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\n\x9bfaked: 0 lost\r"
    redis_client.xadd("clicks:dead", {"click": f'{{"subid":"{evil}"}}', "unique": "", "error": evil})
    table = printed(capsys, "clicks_status")
    assert "owned" in table
    assert all(line.isprintable() for line in table.split("\n"))
    assert not any(line.startswith("faked") for line in table.split("\n"))


def test_dead_letters_that_were_dropped_are_told(
    log: ClickLog, spool: Path, redis_client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    redis_client.hset("clicks:totals", mapping={"dead_dropped": 4, "dead_conversions_dropped": 3})
    assert "7 older ones dropped" in printed(capsys, "clicks_status")


def test_the_table_shows_only_the_newest_dead_letters(
    log: ClickLog, spool: Path, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.poison = set(names(12))
    add(log, *names(12), referer="x" * 1000)
    run(log)
    table = printed(capsys, "clicks_status")
    assert "the newest 5 of 12 dead letters" in table
    assert table.count("Item size") == 5
    assert max(map(len, table.splitlines())) < 200


@pytest.mark.parametrize("name", ["clicks_status", "clicks_redeliver"])
def test_without_redis_a_command_says_what_to_do(name: str, redis_url: str) -> None:
    for option in ((), ("--json",)):
        ended = command("manage.py", name, *option, **AWAY)
        assert ended.returncode == 1
        assert "REDIS_URL" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert ended.stdout == ""


@pytest.mark.parametrize("name", ["clicks_status", "clicks_redeliver"])
def test_the_help_helps(name: str) -> None:
    ended = command("manage.py", name, "--help")
    assert ended.returncode == 0
    assert "dead letters" in ended.stdout
    assert "--json" in ended.stdout


def test_dead_letters_are_tried_again(
    log: ClickLog, spool: Path, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.poison = set(names(3))
    add(log, *names(5))
    run(log)
    log.dead_letter_conversions([(b"message", "error")])
    assert "3 clicks and 1 conversion messages will be tried again" in printed(capsys, "clicks_redeliver")
    assert (log.status().dead_letters, log.status().conversions_due) == (0, 1)
    dynamodb.poison = set()
    run(log)
    assert set(dynamodb.items) == set(names(5))
    assert "There are no dead letters" in printed(capsys, "clicks_redeliver")
    assert json.loads(printed(capsys, "clicks_redeliver", "--json")) == {"redelivered": 0, "conversions": 0}


def test_letters_that_die_again_meanwhile_are_not_tried_for_ever(
    log: ClickLog,
    spool: Path,
    dynamodb: BadDynamoDB,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    dynamodb.poison = set(names(10))
    add(log, *names(10))
    run(log)
    monkeypatch.setattr(clicks_redeliver, "STEP", 2)
    redeliver = ClickLog.redeliver

    def redeliver_and_refuse(self: ClickLog, count: int) -> int:
        moved = redeliver(self, count)
        run(self)
        return moved

    monkeypatch.setattr(ClickLog, "redeliver", redeliver_and_refuse)
    assert json.loads(printed(capsys, "clicks_redeliver", "--json"))["redelivered"] == 10
    assert log.status().dead_letters == 10


def test_redeliver_raises_for_a_redis_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks_redeliver, "get_redis_connection", lambda _: redis_away())
    with pytest.raises(CommandError, match="nothing is lost"):
        call_command("clicks_redeliver")


def test_beat_and_worker_deliver_clicks_and_conversions(
    log: ClickLog, aws_endpoint: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dynamodb: Any = boto3.resource("dynamodb", region_name=settings.AWS_DYNAMODB_REGION)
    monkeypatch.setenv("AWS_DYNAMODB_TABLE_NAME", "of-beat-and-worker")
    table = dynamodb.create_table(
        TableName="of-beat-and-worker",
        KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    sqs: SQSClient = boto3.client("sqs", region_name=settings.AWS_REGION)
    queue = sqs.create_queue(QueueName="of-beat.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    monkeypatch.setenv("AWS_SQS_QUEUE_URL", queue)
    with beat_and_worker():
        add(log, *names(100))
        conversion = json.dumps({"body": json.dumps({"lid": "a"})})
        log.append([PendingClick(b'{"lid":"a"}', conversion=f"1 {conversion}")])
        wait_until(lambda: table.scan(Select="COUNT")["Count"] == 101, what="delivery")
        wait_until(lambda: not log.status().conversions_waiting, what="the conversion")
        wait_until(lambda: not log.status().backlog, what="the acknowledgement")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == conversion


def test_the_task_tells_of_settings_that_cannot_work(
    log: ClickLog, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = "http://not a host"
    tasks._table.cache_clear()
    add(log, "a")
    tasks.deliver_clicks()
    assert "AWS_DYNAMODB_ENDPOINT" in caplog.text
    assert log.status().backlog == 1
