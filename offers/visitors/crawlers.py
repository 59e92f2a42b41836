"""Names of crawlers, previews and HTTP libraries, from a list that many maintain.

The list is `crawler-user-agents` (https://github.com/monperrus/crawler-user-agents): 1,500 regular
expressions with examples and tags. Here they match whole words, because the names are words (Fever, Sonic),
and not everywhere: see `Crawler.counts_in_browsers`.
"""

import re
from collections.abc import Sequence
from functools import cache

import msgspec
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from ua_parser_rs import UserAgentExtractor

from offers.visitors.agent_parser import agent_parser
from offers.visitors.robot_marks import BOT, PROGRAM_NAMES, ROBOT_NAMES

PREVIEW_TAG, LIBRARY_TAG = "social-preview", "http-library"
# Patterns whose examples are browsers and that name what people use: Meta's browser in its apps, an Android
# build, editors and readers with a browser inside, and words that are the name of more than a crawler.
PEOPLES = frozenset(
    {
        *("MetaIAB Facebook", r"AP3A\.240617\.008", r"Code\/1\.", r"Trae\/", "Fluid", "NewsBlur"),
        *(r"mail\.ru", r"feeder\.co", "Collapsify", "Charlotte", "Automaton|Newsify Feed Fetcher"),
        *(r"Readable\/", r"NewsNow\/", r"BW\/", r"Dlc\/", "Nitro-"),
    }
)


class Crawler(msgspec.Struct, frozen=True):
    """An entry of the list as it is published; `instances` are examples of user agents.

    The first of the `tags` says what it is above all.
    """

    pattern: str
    instances: list[str]
    tags: list[str] = []

    @property
    def is_preview(self) -> bool:
        """Whether it fetches a page to show a preview of it."""
        return self.tags[:1] == [PREVIEW_TAG]

    @property
    def is_library(self) -> bool:
        """Whether it is a library with which programs fetch."""
        return self.tags[:1] == [LIBRARY_TAG]

    def counts_in_browsers(self) -> bool:
        """Return whether the name marks a machine where the user agent names an operating system, too.

        It does if the list has such an example of it that no other mark tells from a person's. Other names
        found there are those of a person's phone or app.
        """
        if self.pattern in PEOPLES or self.is_library:
            return False
        names_system = agent_parser().names_system
        return any(names_system(one) and not BOT.mark(one, one.lower()) for one in self.instances)


class CrawlerList:
    """Names of machines, compiled; finds one in about a microsecond."""

    def __init__(self, everywhere: Sequence[Crawler], elsewhere: Sequence[Crawler]) -> None:
        """`elsewhere` are those that mark a machine only where the user agent names no operating system."""
        # The first that matches is found.
        self._crawlers = (*everywhere, *elsewhere)
        self._everywhere = len(everywhere)
        self._extractor = UserAgentExtractor(
            (whole_words(crawler.pattern), str(at), None, None, None, None)
            for at, crawler in enumerate(self._crawlers)
        )

    def find(self, user_agent: str, has_system: bool) -> Crawler | None:
        """Return the entry whose name marks a user agent, None if there is none.

        `has_system`: it names an operating system.
        """
        found = self._extractor.extract(user_agent)
        if found is None or (has_system and int(found.family) >= self._everywhere):
            return None
        return self._crawlers[int(found.family)]


@cache
def crawler_list() -> CrawlerList:
    """Return the published list and our names; the first call takes a tenth of a second and 20 MB."""
    everywhere = [_ours(name) for name in ROBOT_NAMES] + [_ours(name, LIBRARY_TAG) for name in PROGRAM_NAMES]
    elsewhere: list[Crawler] = []
    for crawler in msgspec.convert(CRAWLER_USER_AGENTS_DATA, list[Crawler]):
        (everywhere if crawler.counts_in_browsers() else elsewhere).append(crawler)
    return CrawlerList(everywhere, elsewhere)


def _ours(name: str, *tags: str) -> Crawler:
    return Crawler(f"(?i:{re.escape(name)})", [], list(tags))


def whole_words(pattern: str) -> str:
    """Return a pattern that matches only where no letter or digit stands before, and no letter behind it."""
    before = "" if pattern.startswith("^") else r"(?:^|[^A-Za-z0-9])"
    behind = r"(?:[^A-Za-z]|$)" if pattern.rstrip(")")[-1].isalnum() else ""
    return f"{before}(?:{pattern}){behind}"
