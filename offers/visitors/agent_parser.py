"""ua-parser's rules and its matchers in Rust, loaded once for a process."""

from functools import cache
from typing import NamedTuple, Protocol

from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver


class Product(Protocol):
    """A browser or an operating system; its version is None where the user agent does not tell it."""

    family: str
    major: str | None
    minor: str | None


class Machine(Protocol):
    """A device."""

    brand: str | None
    model: str | None


class ParsedAgent(NamedTuple):
    """What ua-parser's rules find in a user agent, None for what they do not."""

    browser: Product | None
    system: Product | None
    device: Machine | None


class AgentParser:
    """Asks the matchers themselves: ua-parser's own objects around their results double the cost."""

    def __init__(self) -> None:
        rules = Resolver(load_builtins())
        self._browser, self._system, self._device = rules.ua.extract, rules.os.extract, rules.de.extract

    def parse(self, user_agent: str) -> ParsedAgent:
        """Return what a user agent says. Never raises."""
        return ParsedAgent(self._browser(user_agent), self._system(user_agent), self._device(user_agent))

    def names_system(self, user_agent: str) -> bool:
        """Return whether a user agent names an operating system."""
        return self._system(user_agent) is not None


@cache
def agent_parser() -> AgentParser:
    """Return the parser of user agents; the first call takes a tenth of a second and 25 MB."""
    return AgentParser()
