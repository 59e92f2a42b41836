"""Foreign text on a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ünïcode 中文 🎉", "Ünïcode 中文 🎉"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("one\ntwo\r\n", "one\\ntwo\\r\\n"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_acts_on_a_terminal_is_shown_and_does_nothing(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    assert printable(text).isprintable()
