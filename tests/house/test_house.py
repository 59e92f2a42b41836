"""The figures of the house: what they count, and the limits that hold."""

from collections import Counter
from pathlib import Path

import pytest

from tests.house.figures import House, house, table
from tests.house.hot_path import hot_path
from tests.processes import PROJECT

SOURCE = '''"""Says what it is."""
from typing import Any, cast

# Why it is so.
def long(
    value: Any,
) -> "dict[str, Any]":

    return cast(dict[str, int], value)  # and why here
'''


@pytest.fixture
def small(tmp_path: Path) -> House:
    """The figures of two packages, one of which imports the other."""
    for name, text in {
        "offers/__init__.py": "",
        "offers/top.py": "import lib.deep\n",
        "lib/__init__.py": "",
        "lib/deep.py": SOURCE,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return house(tmp_path)


def test_folders_and_the_longest_chain_of_imports_are_counted(small: House) -> None:
    assert (small.modules, small.in_largest_folder, small.import_depth) == (4, 2, 2)


def test_types_that_say_nothing_are_counted_where_they_are_used(small: House) -> None:
    assert (small.any_count, small.cast_count) == (2, 1)


def test_lines_with_a_comment_are_a_share_of_those_that_are_not_empty(small: House) -> None:
    # One line of the other file counts, too.
    assert small.comment_share == 2 / 8
    assert small.longest_function_lines == 5


def test_a_column_stands_for_each_checkout(small: House) -> None:
    assert {len(line) for line in table([small, small])} == {32 + 2 * 32}


def test_a_click_passes_through_few_functions_of_ours() -> None:
    functions = hot_path()
    assert "offers/handler.py ClickHandler.resolve" in functions
    assert "offers/http/protocol.py ClickProtocol.send" in functions
    assert len(functions) <= 45
    assert len(Counter(function.partition(" ")[0] for function in functions)) <= 22


def test_the_house_stays_as_strictly_typed_and_as_flat_as_it_is() -> None:
    found = house(PROJECT)
    assert found.in_largest_folder <= 15
    assert found.any_count <= 110
    assert found.cast_count <= 6
