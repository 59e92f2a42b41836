"""A record's JSON: what an update takes over from the live record, and how versions are told apart."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.store.record_json import RecordJson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(st.sampled_from(["offerId", "name", "payin", "caps", "ünïcode"]) | st.text(), VALUES)


def written(fields: dict[str, object], *, indent: int | None = None, escaped: bool = True) -> RecordJson:
    return RecordJson(json.dumps(fields, indent=indent, ensure_ascii=escaped).encode())


@given(FIELDS, FIELDS, st.sampled_from([None, 2]))
def test_a_record_is_completed_by_the_fields_that_only_the_live_one_has(
    sent: dict[str, object], live: dict[str, object], indent: int | None
) -> None:
    completed = written(sent, indent=indent).completed(written(live))
    assert completed.values == json.loads(completed.text) == {**live, **sent}


def test_values_that_were_taken_over_keep_their_spelling() -> None:
    live = RecordJson(b'{"offerId":1, "payin":1.50, "big":123456789012345678901234567890}')
    completed = RecordJson(b'{"offerId": 1}\n').completed(live)
    assert completed.text == b'{"offerId": 1,"payin":1.50,"big":123456789012345678901234567890}'


@pytest.mark.parametrize("live", [b"", b"{", b"[]", b"[" * 100_000])
def test_a_live_record_that_cannot_be_read_completes_nothing(live: bytes) -> None:
    sent = RecordJson(b'{"offerId": 1}')
    assert sent.completed(RecordJson(live)).text == sent.text


@given(FIELDS)
def test_records_of_the_same_values_have_the_same_digest(fields: dict[str, object]) -> None:
    backwards = dict(reversed(fields.items()))
    assert written(fields).digest == written(backwards).digest


@given(st.dictionaries(st.text(), st.text()))
def test_the_digest_does_not_depend_on_blanks_and_escapes(fields: dict[str, object]) -> None:
    assert written(fields).digest == written(fields, indent=2, escaped=False).digest


def test_another_value_has_another_digest() -> None:
    assert written({"payin": "1.5"}).digest != written({"payin": "1.6"}).digest


def test_a_completed_record_has_the_digest_of_its_text() -> None:
    completed = written({"offerId": 1, "name": "a"}).completed(written({"offerId": 1, "payin": 2}))
    assert completed.digest == RecordJson(completed.text).digest


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff"])
def test_what_is_not_json_is_told_apart_by_its_bytes(broken: bytes) -> None:
    assert RecordJson(broken).digest != RecordJson(broken + b" ").digest
