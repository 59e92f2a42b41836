"""The item of a click: what DynamoDB keeps of it, in DynamoDB's own JSON."""

import json
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given
from hypothesis import strategies as st

from offers.click_log.types import Entry
from offers.delivery.item import BadClick, item

# DynamoDB keeps 38 digits.
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda amount: len(amount.as_tuple().digits) <= 38 and -130 <= amount.adjusted() <= 125
)
SCALARS = st.text() | st.booleans() | st.integers(-(10**37), 10**37) | AMOUNTS


def entry(unique: str = "", **fields: object) -> Entry:
    return Entry("1-1", json.dumps({"lid": "a", **fields}).encode(), unique)


def attributes(entry: Entry) -> dict[str, Any]:
    """The item of a click, read."""
    found: dict[str, Any] = json.loads(item(entry).attributes)
    return found


@given(st.dictionaries(st.text(min_size=1), SCALARS))
def test_an_item_holds_exactly_what_the_record_says(fields: dict[str, Any]) -> None:
    fields = fields | {"lid": "a"}
    kept = attributes(Entry("1-1", _encoded(fields), ""))
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


FIELDS = st.dictionaries(st.text(min_size=1) | st.sampled_from(("eventType", "country", "IP")), SCALARS)


@given(FIELDS, FIELDS, FIELDS, st.sampled_from(("country", "IP", "isp")))
def test_a_decision_that_was_seen_before_changes_nothing_in_an_item(
    own: dict[str, Any], decision: dict[str, Any], visitor: dict[str, Any], place: str
) -> None:
    ordered = {"lid": "a"} | own | {"eventType": "click"} | decision | {place: ',"country":'} | visitor
    fields = ordered | {"lid": "a"}
    for _ in range(2):
        kept = attributes(Entry("1-1", _encoded(fields), "1"))
        assert kept.pop("isUniqueVisit") == {"BOOL": True}
        fields.pop("isUniqueVisit", None)
        assert {name: TypeDeserializer().deserialize(value) for name, value in kept.items()} == fields


@pytest.mark.parametrize(
    "click",
    [
        '{"lid":"a","eventType":"click","lid":"b","country":"US"}',
        '{"lid":"b","eventType":null,"country":"US"}',
        '{"eventType":"click","lid":"b","country":"US"}',
    ],
)
def test_a_record_that_we_did_not_write_is_read_as_a_whole(click: str) -> None:
    found = item(Entry("1-1", click.encode(), "1"))
    assert found.lid == json.loads(found.attributes)["lid"]["S"] == "b"
    assert json.loads(found.attributes)["country"] == {"S": "US"}


@pytest.mark.parametrize(
    "click",
    [
        '{"lid":"a","eventType":{},"country":"US"}',
        '{"lid":"a","x":{"y":1,"eventType":"click","country":"US"}}',
        '{"lid":"a","eventType":"click" "z":1,"country":"US"}',
        '{"lid":"a","eventType":"click","country":"US"',
        '{"lid":"a","eventType":"click",,"country":"US"}',
    ],
)
def test_a_record_with_a_broken_decision_is_refused(click: str) -> None:
    with pytest.raises(BadClick):
        item(Entry("1-1", click.encode(), "1"))


@pytest.mark.parametrize(
    ("unique", "kept"), [("1", True), ("assumed", True), ("0", False), ("", None), ("?", None)]
)
def test_what_is_known_of_uniqueness_is_in_the_item(unique: str, kept: bool | None) -> None:
    assert attributes(entry(unique)).get("isUniqueVisit") == (None if kept is None else {"BOOL": kept})


@pytest.mark.parametrize(("unique", "flag"), [("assumed", {"BOOL": True}), ("1", None), ("0", None)])
def test_a_visitor_whom_nobody_could_look_up_is_flagged(unique: str, flag: object) -> None:
    assert attributes(entry(unique)).get("isUniqueVisitAssumed") == flag


@pytest.mark.parametrize("number", ["5.10", "0.1", "1e-7", "12345678.12345678", "7", "-0.0", "1" * 38])
def test_a_number_keeps_the_digits_that_it_was_written_with(number: str) -> None:
    assert attributes(Entry("1-1", b'{"lid":"a","payin":%b}' % number.encode(), ""))["payin"] == {"N": number}


def test_the_key_of_an_item_is_the_lid() -> None:
    assert item(entry()).lid == "a"


def test_null_is_left_out() -> None:
    assert attributes(entry(cid=None, ok=False)) == {"lid": {"S": "a"}, "ok": {"BOOL": False}}


@pytest.mark.parametrize(
    "click",
    [b"", b"{", b"\xff", b"[]", b"{}", b'{"lid":7}', b'{"lid":"a","x":{}}', b"[" * 100_000],
    ids=lambda click: repr(click[:20]),
)
def test_what_is_no_record_is_refused(click: bytes) -> None:
    with pytest.raises(BadClick):
        item(Entry("1-1", click, "1"))
