"""`manage.py clicks_deliver`: what is left in the log is delivered, and what cannot be is told."""

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from offers.click_log import ClickLog
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, redis_away


def run(capsys: Any, *options: str) -> str:
    call_command("clicks_deliver", *options)
    return str(capsys.readouterr().out)


def test_everything_is_delivered_and_counted(log: ClickLog, dynamodb: BadDynamoDB, capsys: Any) -> None:
    add(log, *names(60))
    assert run(capsys) == "60 clicks were delivered, 0 are left.\n"
    assert set(dynamodb.items) == set(names(60))
    assert json.loads(run(capsys, "--json")) == {"delivered": 0, "set_aside": 0, "left": 0}


def test_what_is_left_when_the_time_is_up_is_told(log: ClickLog, dynamodb: BadDynamoDB, capsys: Any) -> None:
    dynamodb.trouble = "throttled"
    add(log, *names(30))
    with pytest.raises(SystemExit) as ended:
        run(capsys, "--seconds", "0.3")
    assert ended.value.code == 3
    assert "30 are left" in capsys.readouterr().out
    assert log.status().backlog == 30


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
