"""Marks of robots and programs: whole words, no part of a product's name, no model of a phone."""

import pytest

from offers.visitors.marks import Marks, description
from offers.visitors.robot_marks import (
    BOT,
    BOT_WITHOUT_SYSTEM,
    PROGRAM,
    PROGRAM_WITHOUT_SYSTEM,
    without_models,
)
from tests.offers.visitors.user_agents import phone

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
    (PROGRAM_WITHOUT_SYSTEM, ["http-clients", "libcurly", "xlibcurl"]),
]


@pytest.mark.parametrize(("marks", "text"), [(marks, text) for marks, texts in LOOK_ALIKES for text in texts])
def test_a_mark_is_a_whole_word(marks: Marks, text: str) -> None:
    assert not marks.mark(text, text.lower())


@pytest.mark.parametrize(
    "user_agent",
    ["curling/1", "wgetter", "javan/2", "gotham/1", "nodes/2", "my-java/8", "Got Milk/2", "Java Phone"],
)
def test_a_program_names_itself_at_the_beginning_and_nothing_else(user_agent: str) -> None:
    assert not PROGRAM.match(user_agent)


@pytest.mark.parametrize(
    ("user_agent", "gone"),
    [
        (phone("CUBOT NOTE 1"), "CUBOT"),
        (phone("XBOT_5 Build/NRD90M; wv"), "XBOT"),
        ("Talkbot/2.1 (iPhone; iOS 17.1; Scale/3.00)", "Talkbot"),
    ],
)
def test_the_model_of_a_phone_and_the_name_of_its_app_are_not_looked_at(user_agent: str, gone: str) -> None:
    assert gone in user_agent
    assert gone not in without_models(user_agent, description(user_agent))


def test_a_name_with_a_version_is_no_model() -> None:
    user_agent = phone("Pixel 2 Build/OPD3.170816.012; Storebot-Google/1.0")
    assert "Storebot-Google/1.0" in without_models(user_agent, description(user_agent))


def test_who_calls_itself_compatible_has_no_model() -> None:
    user_agent = "Mozilla/5.0 (Linux; Android 5.0; compatible; Somebot)"
    assert without_models(user_agent, description(user_agent)) == user_agent
