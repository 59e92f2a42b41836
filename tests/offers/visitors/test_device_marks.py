"""Marks of devices: whole words, and nothing that only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.visitors import device_marks
from offers.visitors.device_marks import (
    BOT,
    BOT_WITHOUT_SYSTEM,
    CONSOLE,
    TABLET,
    TABLET_PROGRAM,
    TV,
    TV_PROGRAM,
    WEARABLE,
    Marks,
)
from tests.offers.visitors.user_agents import MACHINES, PEOPLE, THINGS

# With letters before, behind or in place of those of a mark.
LOOK_ALIKES: list[tuple[Marks, list[str]]] = [
    (
        BOT,
        [
            "CUBOT",
            "Abbott",
            "Talbot/2",
            "Cabot",
            "iRobot",
            "robots",
            "BOTECH",
            "botany",
            "Botswana",
            "Crawley",
            "crawlspace",
            "SpiderOak",
            "Spider-Man",
            "slurpee",
            "xslurp",
            "headlessly",
            "overhead",
            "scrapyard",
            "xenutv",
            "niktor",
            "winhttpx",
            "ptsta",
            "my-whatsapp/2",
            "myjava/8",
            "http://a",
        ],
    ),
    (
        BOT_WITHOUT_SYSTEM,
        [
            "monitored",
            "previewing",
            "roboto",
            "checkers",
            "rescanner",
            "prefetcher",
            "invalidator",
            "scrapers",
        ],
    ),
    (CONSOLE, ["Xboxer", "com.xbox", "xbox.app", "Nintendogs", "PlayStationApp"]),
    (
        TV,
        [
            "Some.tv",
            "tv.app",
            "ATV R9",
            "iptv",
            "TVs",
            "SmartTVs",
            "tvOS-like",
            "AFTERSHIP app",
            "; Aftonbladet",
            "raft",
            "bravian",
            "Rokulabs",
            "xroku",
            "AQUOS sense7",
            "netcaster",
            "vieras",
            "chromecasts",
            "xweb0s",
        ],
    ),
    (
        WEARABLE,
        [
            "watchTowr",
            "AirWatch",
            "StopWatch",
            "Watchlist",
            "Glassdoor",
            "Spyglass 1",
            "glass",
            "wearables",
            "SM-S901B",
            "xSM-R800",
        ],
    ),
    (
        TABLET,
        [
            "Tablet PC 2.0",
            "tablets",
            "Kindled",
            "xkindle",
            "Nexus 70",
            "Nexus 5X",
            "SM-S901B",
            "xSM-T870",
            "Pixel Camera",
            "notiPad-x",
        ],
    ),
    (TV_PROGRAM, ["xhbbtv/1", "Romi/2", "MyViera/2", "TV Stores/2", "MyRoku/1"]),
    (TABLET_PROGRAM, ["silky/1", "Silkworm/1", "xsilk/2", "kindled/2", "Silk/x"]),
]


@pytest.mark.parametrize(("marks", "text"), [(marks, text) for marks, texts in LOOK_ALIKES for text in texts])
def test_a_mark_is_a_whole_word(marks: Marks, text: str) -> None:
    assert not marks.mark(text, text.lower())


# Of what the patterns are made, so that many a text matches nearly. Neither the sign for Kelvin nor the long
# s is a letter of theirs, though it is the same as one in lower or upper case.
ALL_MARKS = [value for value in vars(device_marks).values() if isinstance(value, Marks)]
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
    assert len(ALL_MARKS) == 8


@given(st.lists(st.sampled_from(WORDS + PIECES)), st.booleans())
def test_wherever_a_kind_of_device_is_marked_one_of_its_words_occurs(texts: list[str], loud: bool) -> None:
    user_agent = "".join(texts).upper() if loud else "".join(texts)
    for marks in ALL_MARKS:
        matches = marks.pattern.search(user_agent) is not None
        assert marks.mark(user_agent, user_agent.lower()) is matches


@pytest.mark.parametrize("user_agent", [user_agent for user_agent, _ in PEOPLE + THINGS] + MACHINES)
def test_every_mark_of_a_real_user_agent_is_found_by_one_of_its_words(user_agent: str) -> None:
    for marks in ALL_MARKS:
        for text in (user_agent, device_marks.description(user_agent)):
            assert marks.mark(text, text.lower()) is (marks.pattern.search(text) is not None)
