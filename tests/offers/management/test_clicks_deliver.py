"""`manage.py clicks_deliver`: what is left in spool and log is delivered, and what cannot be is told."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from offers.archive.log import ArchiveLog
from offers.click_log.stream import ClickLog
from offers.delivery import drain
from offers.spool.file import spool_line
from offers.spool.spool import Spool
from offers.spool.types import PendingClick
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, redis_away

REPORTED = ("replayed", "delivered", "dead_letters", "archived", "left", "in_spool", "spool_files")


def spooled(*lids: str) -> list[PendingClick]:
    return [PendingClick(f'{{"lid":"{lid}"}}'.encode()) for lid in lids]


@pytest.fixture
def spool(tmp_path: Path, settings: Settings) -> Path:
    """The directory of a spool in which a dead web worker has left two files."""
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    for number, lids in enumerate((names(250), ["second", "third"])):
        lines = b"".join(map(spool_line, spooled(*lids)))
        (tmp_path / f"{number}-dead.ndjson").write_bytes(lines)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    call_command("clicks_deliver", *options)
    return str(capsys.readouterr().out)


def test_everything_is_delivered_archived_and_counted(
    log: ClickLog, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    add(log, *names(60))
    assert run(capsys) == "60 clicks were delivered, 0 are left.\n"
    assert set(dynamodb.items) == set(names(60))
    archive = ArchiveLog(log.redis).status()
    assert archive is not None
    assert (archive.backlog, archive.archived) == (0, 60)
    assert json.loads(run(capsys, "--json")) == dict.fromkeys(REPORTED, 0)


def test_what_is_left_when_the_time_is_up_is_told(
    log: ClickLog, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    dynamodb.trouble = "throttled"
    add(log, *names(30))
    with pytest.raises(SystemExit) as ended:
        run(capsys, "--seconds", "0.3")
    assert ended.value.code == 3
    assert "30 are left" in capsys.readouterr().out
    assert log.status().backlog == 30


def test_what_dead_workers_left_in_the_spool_is_delivered_too(
    spool: Path, log: ClickLog, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    add(log, "in the log")
    assert run(capsys) == "252 clicks came out of the spool. 253 clicks were delivered, 0 are left.\n"
    assert set(dynamodb.items) == {"in the log", "second", "third", *names(250)}
    assert list(spool.iterdir()) == []


def test_a_long_spool_is_delivered_in_parts(
    spool: Path,
    log: ClickLog,
    dynamodb: BadDynamoDB,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drain, "REPLAYED_TOGETHER", 100)
    told = json.loads(run(capsys, "--json"))
    assert told == dict.fromkeys(REPORTED, 0) | {"replayed": 252, "delivered": 252, "archived": 252}
    assert len(dynamodb.items) == 252


def test_a_torn_line_of_the_spool_becomes_a_dead_letter(
    spool: Path, log: ClickLog, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    (spool / "2-dead.ndjson").write_bytes(b'{"click":')
    assert "252 clicks were delivered, 0 are left." in run(capsys)
    assert [letter.click for letter in log.dead_letters(10)] == [b'{"click":']


def test_a_living_worker_keeps_what_it_has_in_the_spool(
    log: ClickLog,
    dynamodb: BadDynamoDB,
    tmp_path: Path,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    living = Spool(tmp_path)
    living.write(spooled("a", "b"))
    add(log, *names(3))
    with pytest.raises(SystemExit) as ended:
        run(capsys)
    assert ended.value.code == 3
    told = "3 clicks were delivered; left are 0 in the log and 2 in the spool (1 file).\n"
    assert capsys.readouterr().out == told
    assert living.claim() is not None


def test_when_there_is_no_time_the_spool_stays_and_is_told(
    spool: Path, log: ClickLog, dynamodb: BadDynamoDB, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(capsys, "--seconds", "0", "--json")
    assert ended.value.code == 3
    told = json.loads(capsys.readouterr().out)
    assert told == dict.fromkeys(REPORTED, 0) | {"left": 252, "in_spool": 252, "spool_files": 2}
    assert len(list(spool.iterdir())) == 2


def test_a_file_of_the_spool_that_cannot_be_read_is_not_taken_for_done(
    log: ClickLog,
    dynamodb: BadDynamoDB,
    tmp_path: Path,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.CLICK_SPOOL_DIR = str(tmp_path)
    (tmp_path / "0-dead.ndjson").mkdir()
    add(log, *names(3))
    with pytest.raises(SystemExit) as ended:
        run(capsys)
    assert ended.value.code == 3
    assert "0 in the spool (1 file)" in capsys.readouterr().out
    assert set(dynamodb.items) == set(names(3))


def test_a_redis_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "offers.management.commands.clicks_deliver.get_redis_connection", lambda _: redis_away()
    )
    with pytest.raises(CommandError, match="REDIS_URL"):
        call_command("clicks_deliver")


def test_settings_that_cannot_work_are_named(log: ClickLog, settings: Settings) -> None:
    settings.AWS_DYNAMODB_ENDPOINT = "http://not a host"
    with pytest.raises(CommandError, match="AWS_DYNAMODB_ENDPOINT"):
        call_command("clicks_deliver")
