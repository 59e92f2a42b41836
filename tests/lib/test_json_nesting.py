"""How deep JSON may be, and where a value ends that is too deep to decode."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.json_nesting import MAX_LEVELS, end_of_value, is_too_deep

SIGNS = st.text(st.sampled_from('[]{}"\\,: aé'), max_size=30)
VALUES = st.recursive(
    st.none() | st.integers() | SIGNS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SIGNS, inner, max_size=3),
)


def nested(levels: int, pair: str = "[]") -> str:
    opening = '{"a":' if pair == "{}" else "["
    return opening * (levels - 1) + pair + pair[1] * (levels - 1)


@pytest.mark.parametrize("pair", ["[]", "{}"])
@pytest.mark.parametrize(("levels", "too_deep"), [(1, False), (MAX_LEVELS, False), (MAX_LEVELS + 1, True)])
def test_levels_of_lists_and_objects_are_counted_alike(pair: str, levels: int, too_deep: bool) -> None:
    text = nested(levels, pair)
    assert is_too_deep(text, json.loads(text)) is too_deep


def test_one_deep_value_among_flat_ones_is_found() -> None:
    text = f'{{"flat": [[], {{}}, 1], "deep": [null, {nested(MAX_LEVELS)}], "more": [{{}}]}}'
    assert is_too_deep(text, json.loads(text))


@pytest.mark.parametrize("value", [[{"a": []}] * 1000, "[" * 1000, {"[{" * 200: "]}"}, None, 1])
def test_many_brackets_are_not_deep_by_themselves(value: Any) -> None:
    assert not is_too_deep(json.dumps(value), value)


@given(st.lists(VALUES) | st.dictionaries(SIGNS, VALUES), SIGNS, st.sampled_from([None, 1]))
def test_a_value_ends_where_a_decoder_finds_its_end(value: Any, rest: str, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    assert end_of_value(f", {text}{rest}", 2) == 2 + len(text)


@given(st.lists(VALUES) | st.dictionaries(SIGNS, VALUES), st.data())
def test_one_that_is_cut_off_has_no_end(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    assert end_of_value(text[: data.draw(st.integers(1, len(text) - 1))], 0) is None


def test_however_deep_it_is_its_end_is_found() -> None:
    text = nested(100_000, "{}")
    assert end_of_value(text + text, 0) == len(text)
