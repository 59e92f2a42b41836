"""Recognition: machines are told from people, and from what they use."""

import time

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from offers.visitors.automated import AutomatedReason
from offers.visitors.crawlers import PEOPLES
from offers.visitors.device import NO_HINTS, ClientHints, DeviceReader
from tests.offers.visitors.machines import BOTS, NO_AGENTS, PREVIEWS, PROGRAMS
from tests.offers.visitors.user_agents import APPS, PEOPLE, THINGS, WINDOWS

DEVICES = DeviceReader(100)


def recognized(user_agent: str) -> AutomatedReason | None:
    return DEVICES.read(user_agent, NO_HINTS).automated


@pytest.mark.parametrize("user_agent", BOTS)
def test_a_robot_is_a_bot_however_much_it_looks_like_a_browser(user_agent: str) -> None:
    assert recognized(user_agent) is AutomatedReason.BOT


@pytest.mark.parametrize("user_agent", PREVIEWS)
def test_what_shows_a_link_before_anybody_clicks_it_is_a_preview(user_agent: str) -> None:
    assert recognized(user_agent) is AutomatedReason.PREVIEW


@pytest.mark.parametrize("user_agent", PROGRAMS)
def test_a_library_or_command_that_fetches_is_a_program(user_agent: str) -> None:
    assert recognized(user_agent) is AutomatedReason.PROGRAM


@pytest.mark.parametrize("user_agent", NO_AGENTS)
def test_who_says_nothing_of_itself_is_no_person(user_agent: str) -> None:
    assert recognized(user_agent) is AutomatedReason.NO_USER_AGENT


def test_client_hints_do_not_make_up_for_a_user_agent() -> None:
    hints = ClientHints("?1", '"Android"', '"14.0.0"', '"Pixel 8"', "")
    assert DEVICES.read("", hints).automated is AutomatedReason.NO_USER_AGENT


@pytest.mark.parametrize("user_agent", [*(agent for agent, _ in PEOPLE + THINGS), *APPS])
def test_a_person_is_one_whatever_their_phone_browser_or_app_is_called(user_agent: str) -> None:
    assert recognized(user_agent) is None


def test_the_examples_of_the_published_list_are_machines() -> None:
    entries = [entry for entry in CRAWLER_USER_AGENTS_DATA if entry["pattern"] not in PEOPLES]
    missed = [one for entry in entries for one in entry["instances"] if recognized(one) is None]
    # Three that no whole word of their pattern marks, of 2,100.
    assert len(missed) <= 3, missed


def test_what_nobody_knows_is_a_person() -> None:
    assert recognized("Frobnicate/7.1") is None


def test_the_table_has_as_many_people_as_machines_have_kinds_of_names() -> None:
    assert len(BOTS) + len(PREVIEWS) + len(PROGRAMS) >= 60
    assert len(PEOPLE) + len(THINGS) + len(APPS) >= 60


@given(st.text(max_size=60))
def test_no_name_behind_a_browser_makes_recognition_raise_or_linger(name: str) -> None:
    started = time.process_time()
    recognized(f"{WINDOWS} {name * 20}")
    assert time.process_time() - started < 1
