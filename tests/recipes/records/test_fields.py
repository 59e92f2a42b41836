"""Single values: words, flags, ids, JSON inside text, halves of surrogate pairs."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.json_nesting import MAX_LEVELS
from recipes.records.fields import FieldReader, id_of, without_lone_surrogates, word_of

ANY_TEXT = st.text(st.characters(categories=None, codec=None))


@pytest.mark.parametrize(
    "value",
    ["blocked", "Blocked", "BLOCKED ", "\u00a0blocked\u200b", '"blocked"', "\ufeffblocked\r\n", "'Blocked'"],
)
def test_a_word_is_read_in_any_case_and_trimmed(value: str) -> None:
    assert word_of(value) == "blocked"


@pytest.mark.parametrize(
    "value", [None, 3, True, ["blocked"], {}, '["blocked"]', '{"a":1}', "3", "-1.5", "true"]
)
def test_what_is_no_text_or_json_of_something_else_is_no_word(value: object) -> None:
    assert word_of(value) is None


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *((value, True) for value in (True, 1, 1.0, "1", "Y", "yes", "TRUE", "on", " t ", '"1"')),
        *((value, False) for value in (False, 0, "0", "N", "no", "false", "OFF", "\u00a00")),
        *((value, None) for value in (None, "", " ", "null")),
    ],
)
def test_flags_are_read_in_many_words(value: object, flag: bool | None) -> None:
    read = FieldReader({"flag": value}, 1)
    assert (read.flag("flag", closes="it"), read.defects, read.unreadable) == (flag, [], set())


@pytest.mark.parametrize("value", [2, -1, 0.5, "perhaps", "2", [], [True], {}, {"a": 1}])
def test_a_flag_that_cannot_be_read_closes(value: object) -> None:
    read = FieldReader({"flag": value}, 1)
    assert read.flag("flag", closes="it") is None
    assert (len(read.defects), read.unreadable) == (1, {"it"})


@pytest.mark.parametrize("value", [10**18 - 1, "9" * 18])
def test_an_id_has_at_most_18_digits(value: object) -> None:
    assert id_of(value) == 10**18 - 1


@pytest.mark.parametrize(
    "value", [10**18, 10**45, "1" + "0" * 18, 1e18, 1e45, True, False, 1.5, -1, 0, "0", "-5"]
)
def test_what_is_longer_or_no_whole_number_is_no_id(value: object) -> None:
    assert id_of(value) is None


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (r'"Sale \ud83d"', "Sale \ufffd"),
        (r'"\ude00\ud83d\ude00\ud83d"', "\ufffd\U0001f600\ufffd"),
        (r'"\\ud83d \\\ud83d"', "\\ud83d \\\ufffd"),
        ('"a\ud83d"', "a\ufffd"),
        (r'"\uD83D\u0041"', "\ufffdA"),
    ],
)
def test_half_a_surrogate_pair_becomes_the_replacement_character(text: str, whole: str) -> None:
    assert msgspec.json.decode(without_lone_surrogates(text).encode()) == whole


@given(ANY_TEXT, st.booleans())
def test_any_json_can_be_decoded_without_its_halves(text: str, escaped: bool) -> None:
    written = json.dumps(text, ensure_ascii=escaped)
    cleaned = without_lone_surrogates(written)
    expected = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in json.loads(written))
    assert msgspec.json.decode(cleaned.encode()) == expected


@pytest.mark.parametrize("value", [{"a": 1}, '{"a": 1}', json.dumps('{"a": 1}'), '\ufeff {"a": 1}\u00a0'])
def test_an_object_may_be_json_text(value: object) -> None:
    read = FieldReader({"it": value}, 1)
    assert (read.object("it", closes="it"), read.defects) == ({"a": 1}, [])


@pytest.mark.parametrize("value", ["{", "[1]", [1], 5, True, '"text"'])
def test_what_is_no_object_closes(value: object) -> None:
    read = FieldReader({"it": value}, 1)
    assert (read.object("it", closes="it"), read.unreadable) == (None, {"it"})


def test_json_text_that_is_nested_too_deeply_closes() -> None:
    levels = MAX_LEVELS + 1
    read = FieldReader({"it": "[" * levels + "]" * levels}, 1)
    assert (read.json("it", closes="it"), read.unreadable) == (None, {"it"})
    assert [defect.problem for defect in read.defects] == ["is nested too deeply"]


@given(
    st.from_regex(r"[0-9]{1,14}(\.[0-9]{1,14})?", fullmatch=True)
    | st.sampled_from(["0.", ".5", "1_0", "+1", "-0", "1e3", "\u0661", "5.5 ", "0.0\n"])
)
def test_an_amount_is_the_shortest_exact_decimal_however_it_is_written(text: str) -> None:
    plain, marked = FieldReader({"payout": text}, 1), FieldReader({"payout": f" {text}"}, 1)
    # Without the blank in front most amounts take a short cut.
    found, expected = plain.amount("payout"), marked.amount("payout")
    assert (found, str(found)) == (expected, str(expected))
    assert [defect.problem for defect in plain.defects] == [defect.problem for defect in marked.defects]
