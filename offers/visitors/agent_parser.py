"""ua-parser, with its Rust resolver and its rules, loaded once for a process."""

from functools import cache

from ua_parser import Parser
from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver


@cache
def agent_parser() -> Parser:
    """Return the parser of user agents; the first call takes a tenth of a second and 25 MB."""
    return Parser(Resolver(load_builtins()))


def names_system(user_agent: str) -> bool:
    """Return whether a user agent names an operating system."""
    return agent_parser().parse_os(user_agent) is not None
