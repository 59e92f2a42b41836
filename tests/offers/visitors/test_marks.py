"""Marks: one of the words of a pattern occurs wherever the pattern matches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.visitors import device_marks, robot_marks
from offers.visitors.marks import Marks, description
from tests.offers.visitors.machines import BOTS, PREVIEWS, PROGRAMS
from tests.offers.visitors.user_agents import APPS, PEOPLE, THINGS

AGENTS = [*(user_agent for user_agent, _ in PEOPLE + THINGS), *APPS, *BOTS, *PREVIEWS, *PROGRAMS]

# Of what the patterns are made, so that many a text matches nearly. Neither the sign for Kelvin nor the long
# s is a letter of theirs, though it is the same as one in lower or upper case.
ALL_MARKS = [
    value
    for module in (device_marks, robot_marks)
    for value in vars(module).values()
    if isinstance(value, Marks)
]
WORDS = [word for marks in ALL_MARKS for word in marks.words]
PIECES = [
    *("smart", "-", "web", "os.", "apple", " ", "7", "10", "T1", "X", "b", "es", ";", "\u212a", "\u017f", ""),
    *(
        "netcast.tv",
        "ce-",
        "+",
        "1/",
        "AFTT",
        "miTV",
        "google",
        "radi",
        "glass 1",
        "(",
        ")",
        "Bot",
        "playstation",
    ),
]


def test_all_kinds_of_marks_are_tried() -> None:
    assert len(ALL_MARKS) == 9


@given(st.lists(st.sampled_from(WORDS + PIECES)), st.booleans())
def test_wherever_a_kind_of_device_is_marked_one_of_its_words_occurs(texts: list[str], loud: bool) -> None:
    user_agent = "".join(texts).upper() if loud else "".join(texts)
    for marks in ALL_MARKS:
        matches = marks.pattern.search(user_agent) is not None
        assert marks.mark(user_agent, user_agent.lower()) is matches


@pytest.mark.parametrize("user_agent", AGENTS)
def test_every_mark_of_a_real_user_agent_is_found_by_one_of_its_words(user_agent: str) -> None:
    for marks in ALL_MARKS:
        for text in (user_agent, description(user_agent)):
            assert marks.mark(text, text.lower()) is (marks.pattern.search(text) is not None)
