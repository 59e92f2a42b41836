"""The list of crawlers: whole words, everywhere or only where no system is named."""

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from offers.visitors.crawlers import PEOPLES, Crawler, CrawlerList, crawler_list, whole_words
from tests.offers.visitors.user_agents import WINDOWS, phone

NAMES = [
    Crawler("Frobbot\\/", ["Frobbot/1.0"], ["seo"]),
    Crawler("Peekaboo", [f"{WINDOWS} Peekaboo"], ["social-preview"]),
    Crawler("libfrob", [f"{WINDOWS} libfrob"], ["http-library"]),
    Crawler("Fluid", [f"{WINDOWS} Fluid"], ["browser-automation"]),
    Crawler("Somebot", [f"{WINDOWS} Somebot/1"], ["seo"]),
]
FETCHERS = CrawlerList([NAMES[1]], [NAMES[0], *NAMES[2:]])


def found(user_agent: str, has_system: bool) -> str:
    entry = FETCHERS.find(user_agent, has_system)
    return entry.pattern if entry else ""


@pytest.mark.parametrize("user_agent", ["Peekaboo/1", "x Peekaboo", "(Peekaboo)", "Peekaboo2"])
def test_a_name_is_found_as_a_whole_word(user_agent: str) -> None:
    assert found(user_agent, has_system=False) == "Peekaboo"


@pytest.mark.parametrize("user_agent", ["Peekaboos", "xPeekaboo", "3Peekaboo", "peekaboo", ""])
def test_a_part_of_a_word_is_not_found(user_agent: str) -> None:
    assert found(user_agent, has_system=False) == ""


def test_a_name_counts_in_browsers_if_an_example_is_one_that_nothing_else_marks() -> None:
    assert [crawler.pattern for crawler in NAMES if crawler.counts_in_browsers()] == ["Peekaboo"]


@pytest.mark.parametrize("name", ["Frobbot/1.0", "libfrob", "Fluid"])
def test_names_that_count_elsewhere_are_those_of_apps_in_a_browser(name: str) -> None:
    assert found(f"{WINDOWS} {name}", has_system=True) == ""
    assert found(name, has_system=False) != ""


def test_a_pattern_that_begins_at_the_beginning_stays_there() -> None:
    assert whole_words("^curl") == "(?:^curl)(?:[^A-Za-z]|$)"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "slurpee",
            "xslurp",
            "headlessly",
            "overhead",
            "scrapyard",
            "xenutv",
            "niktor",
            "ptsta",
            "netvibesy",
        ),
        *("xpython-requests", "python-requestsy", "my-libwww-perls"),
    ],
)
def test_our_names_are_whole_words_too(text: str) -> None:
    assert crawler_list().find(f"{WINDOWS} {text}/1.0", has_system=True) is None


@pytest.mark.parametrize("text", ["SLURP", "Headless", "pingdom", "Go-HTTP-Client"])
def test_our_names_match_in_any_case_and_everywhere(text: str) -> None:
    assert crawler_list().find(f"{WINDOWS} {text}/1.0", has_system=True) is not None


def test_what_is_left_to_people_is_in_the_published_list() -> None:
    assert {entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA} >= PEOPLES


def test_a_model_of_a_phone_is_none_of_the_names_that_count_in_browsers() -> None:
    assert crawler_list().find(phone("Fever_Plus"), has_system=True) is None
