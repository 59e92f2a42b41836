"""What counts as DynamoDB's answer: a click is written only where DynamoDB itself says so."""

import json
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from offers.click_log.stream import ClickLog
from offers.delivery.deliver import Delivered
from offers.delivery.dynamodb import ClickTable, TableAway, TableNotUsable
from offers.delivery.dynamodb_answer import NotDynamoDB, RawAnswer, left_lids
from offers.delivery.item import Item
from tests.offers.impostor import Answer, Impostor
from tests.offers.logged import add, run, write
from tests.processes import wait_until

TABLE = "clicks"
ARN = "arn:aws:dynamodb:us-west-2:123456789012:table/clicks"
SENT = ("a", "b")


def put(lid: str) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"lid": {"S": lid}, "payin": {"N": "1"}}}}


def lids(body: bytes, table: str = TABLE, **headers: str) -> set[str]:
    return left_lids(RawAnswer(200, headers, body), table, SENT)


def unprocessed(tables: object, **more: object) -> bytes:
    return json.dumps({"UnprocessedItems": tables, **more}).encode()


@pytest.mark.parametrize(
    ("tables", "left"),
    [
        ({}, set()),
        ({TABLE: [put("a")]}, {"a"}),
        ({TABLE: [put("a"), put("b")]}, {"a", "b"}),
        ({ARN: [put("b")]}, {"b"}),
    ],
)
@pytest.mark.parametrize("configured", [TABLE, ARN])
def test_an_answer_of_batchwriteitem_says_what_is_left(
    tables: object, left: set[str], configured: str
) -> None:
    assert lids(unprocessed(tables), configured) == left
    assert lids(unprocessed(tables, ConsumedCapacity=[], ItemCollectionMetrics={}), configured) == left


GARBAGE = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b'"UnprocessedItems"',
    b"7",
    b"<html></html>",
    b"\xff{}",
    b'{"UnprocessedItems":{"clic',
    b'{"UnprocessedItems":{}}{}',
    b'{"UnprocessedItems":{},"UnprocessedItems":{}}',
    b'{"message":"ok"}',
    b"[" * 100_000,
    unprocessed(None),
    unprocessed("x"),
    unprocessed([]),
    unprocessed({}, message="ok"),
    unprocessed({}, __type="com.amazon.coral.service#InternalFailure"),
    unprocessed({"other": [put("a")]}),
    unprocessed({"arn:aws:dynamodb:us-west-2:123456789012:table/other": [put("a")]}),
    unprocessed({TABLE: []}),
    unprocessed({TABLE: {}}),
    unprocessed({TABLE: "a"}),
    unprocessed({TABLE: [None]}),
    unprocessed({TABLE: [{}]}),
    unprocessed({TABLE: [{"PutRequest": {}}]}),
    unprocessed({TABLE: [{"PutRequest": {"Item": {}}}]}),
    unprocessed({TABLE: [{"PutRequest": {"Item": {"lid": "a"}}}]}),
    unprocessed({TABLE: [{"PutRequest": {"Item": {"lid": {"S": 1}}}}]}),
    unprocessed({TABLE: [{"PutRequest": {"Item": {"lid": {"N": "1"}}}}]}),
    unprocessed({TABLE: [{"DeleteRequest": {"Key": {"lid": {"S": "a"}}}}]}),
    unprocessed({TABLE: [put("a") | {"DeleteRequest": {}}]}),
    unprocessed({TABLE: [put("not sent")]}),
]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:50]))
def test_anything_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(NotDynamoDB):
        lids(body)


def test_an_arn_of_another_account_is_another_table() -> None:
    with pytest.raises(NotDynamoDB, match="another table"):
        lids(unprocessed({ARN: [put("a")]}), ARN.replace("123456789012", "999999999999"))


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299])
def test_no_status_but_200_is_an_answer(status: int) -> None:
    with pytest.raises(NotDynamoDB, match=str(status)):
        left_lids(RawAnswer(status, {}, unprocessed({})), TABLE, SENT)


def test_the_checksum_must_match_the_answer() -> None:
    body = unprocessed({})
    assert lids(body, **{"x-amz-crc32": str(crc32(body))}) == set()
    for wrong in ("1", "", "abc", str(crc32(body) + 1)):
        with pytest.raises(NotDynamoDB, match="checksum"):
            lids(body, **{"x-amz-crc32": wrong})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*SENT, TABLE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["UnprocessedItems", TABLE, "PutRequest", "Item", "lid", "S", "__type"])
            | st.text(),
            inner,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_json_but_dynamodbs_own_is_an_answer(value: Any) -> None:
    try:
        left = lids(json.dumps(value).encode())
    except NotDynamoDB:
        return
    tables = value["UnprocessedItems"]
    assert left == {r["PutRequest"]["Item"]["lid"]["S"] for name in tables for r in tables[name]}
    assert set(tables) <= {TABLE}
    assert left <= set(SENT)


@given(st.binary())
def test_no_bytes_are_an_answer_or_raise_anything_else(body: bytes) -> None:
    with pytest.raises(NotDynamoDB):
        lids(body)


@given(st.integers(0, 200))
def test_a_truncated_answer_is_none(length: int) -> None:
    whole = unprocessed({TABLE: [put("a"), put("b")]})
    with pytest.raises(NotDynamoDB):
        lids(whole[: min(length, len(whole) - 1)])


@pytest.fixture(scope="module")
def impostor() -> Iterator[Impostor]:
    """The impostor, where the table of the tests is looked for."""
    with Impostor(Answer(b"{}")) as impostor:
        yield impostor


@pytest.fixture(scope="module")
def table(impostor: Impostor) -> ClickTable:
    """The table at the impostor's address; to make a client takes longer than the tests."""
    with override_settings(AWS_DYNAMODB_ENDPOINT=impostor.url, AWS_DYNAMODB_TABLE_NAME=TABLE):
        return ClickTable()


STRANGERS = [
    *(Answer(body) for body in GARBAGE),
    Answer(b"{}", kind="application/json"),
    Answer(b"<html>captive portal</html>", kind="text/html"),
    Answer(b"", 204),
    Answer(unprocessed({}), 201),
    Answer(b"{}", 302, headers=(("Location", "http://127.0.0.1:1/"),)),
    Answer(unprocessed({}), 307),
    Answer(unprocessed({}), headers=(("x-amz-crc32", "1"),)),
    Answer(b"not gzip", headers=(("Content-Encoding", "gzip"),)),
    *(
        Answer(body, status)
        for status in (400, 404, 500)
        for body in (b"", b"{}", b"null", b"[]", b"7", b"\xff")
    ),
    *(Answer(b'{"__type":%b}' % kind, 400) for kind in (b"null", b"7", b"[]", b'""')),
    Answer(b'{"__type":"X","message":[]}', 400),
    Answer(b"<html>not found</html>", 404, "text/html"),
]


@pytest.mark.parametrize("answer", STRANGERS, ids=lambda answer: f"{answer.status} {answer.body[:40]!r}")
def test_nobody_but_dynamodb_takes_a_click(impostor: Impostor, table: ClickTable, answer: Answer) -> None:
    impostor.answer = answer
    with pytest.raises((TableAway, TableNotUsable)) as raised:
        write(table, Item("a", b'{"lid":{"S":"a"}}'))
    assert str(raised.value)


@pytest.mark.parametrize("answer", STRANGERS[1:4], ids=lambda answer: repr(answer.body))
def test_clicks_stay_in_the_log_and_staff_sees_why(
    log: ClickLog, impostor: Impostor, table: ClickTable, answer: Answer
) -> None:
    impostor.answer = answer
    add(log, "a", "b")
    wait_until(lambda: run(log, seconds=0.5, table=table) and log.table_outcome(), what="a try")
    status, outcome = log.status(), log.table_outcome()
    assert (status.backlog, status.delivered, status.dead_letters) == (2, 0, 0)
    assert outcome is not None
    assert "is not DynamoDB" in (outcome.error or "")


def test_staff_is_told_what_answers_and_what_to_check(impostor: Impostor, table: ClickTable) -> None:
    impostor.answer = Answer(b'{"message":"under maintenance"}')
    with pytest.raises(TableAway, match=r"is not DynamoDB: .*AWS_DYNAMODB_ENDPOINT"):
        write(table, Item("a", b'{"lid":{"S":"a"}}'))


def test_its_own_answer_with_a_checksum_acknowledges_clicks(
    log: ClickLog, impostor: Impostor, table: ClickTable
) -> None:
    body = unprocessed({})
    impostor.answer = Answer(body, headers=(("x-amz-crc32", str(crc32(body))),))
    add(log, "a", "b")
    assert run(log, seconds=60, table=table) == Delivered(delivered=2)


@pytest.mark.parametrize(
    "body",
    [
        *GARBAGE[:1],
        *GARBAGE[2:13],
        b'{"Item":[]}',
        b'{"Item":{}}',
        b'{"Item":{"lid":{"S":"other"}}}',
        b'{"Item":{"lid":{"S":"a"},"x":{}}}',
        b'{"Item":{"lid":{"S":"a"},"x":{"N":"many"}}}',
        b'{"Item":{"lid":7}}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_lookup_believes_nobody_else_either(impostor: Impostor, table: ClickTable, body: bytes) -> None:
    impostor.answer = Answer(body)
    with pytest.raises(TableAway, match="is not DynamoDB"):
        table.read("a")


def test_a_lookup_of_a_lid_that_the_table_lacks_finds_nothing(impostor: Impostor, table: ClickTable) -> None:
    impostor.answer = Answer(b"{}")
    assert table.read("a") is None
