"""What staff sees of DynamoDB: how the last write to it went, and when one last went well."""

from offers.click_log.stream import ClickLog
from tests.offers.bad_dynamodb import BadDynamoDB
from tests.offers.logged import add, names, run


def test_nothing_was_written_yet(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    run(log)
    assert log.table_outcome() is None


def test_a_delivery_is_well(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, *names(3))
    run(log)
    outcome = log.table_outcome()
    assert outcome is not None
    assert (outcome.error, outcome.well_at_ms) == (None, outcome.at_ms)


def test_trouble_says_what_to_do_and_keeps_the_time_it_was_well(log: ClickLog, dynamodb: BadDynamoDB) -> None:
    add(log, "first")
    run(log)
    before = log.table_outcome()
    dynamodb.trouble = "no table"
    add(log, "second")
    run(log, seconds=0.5)
    after = log.table_outcome()
    assert before is not None
    assert after is not None
    assert "AWS_DYNAMODB_TABLE_NAME" in (after.error or "")
    assert after.well_at_ms == before.at_ms
