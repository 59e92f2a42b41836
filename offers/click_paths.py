"""The paths at which clicks arrive: `/offer`, and those that CLICK_ALIASES adds; nothing of Django.

A path matches in any case and with any number of slashes before and behind it, because adverts join and
spell links in many ways.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

OFFER_PATH = "/offer"
OFFER_PARAMETER = "ad"
# First parts of the paths at which an instance answers something else.
TAKEN_PARTS = frozenset({"offer", "static", "health", "ready", "metrics", "favicon.ico"})
# Parameters with a meaning of their own on every click.
TAKEN_PARAMETERS = frozenset({"subid", "cid", "ad_domain", "fp", "debug"})
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+/?")
_PARAMETER = re.compile(r"[A-Za-z0-9._~-]+")


class Aliases(NamedTuple):
    """Readable aliases, as parameters by path, and what is wrong with the other entries."""

    parameters: dict[str, str]
    problems: list[str]


def read_aliases(entries: Iterable[str], taken: Iterable[str] = ()) -> Aliases:
    """Read aliases from entries such as `/pl?o`; `taken` are first parts of paths besides `TAKEN_PARTS`."""
    parameters: dict[str, str] = {}
    problems: list[str] = []
    refused = TAKEN_PARTS | {part.lower() for part in taken}
    for entry in entries:
        path, _, parameter = entry.strip().partition("?")
        problem = _problem(path, parameter, refused)
        path = _normal(path)
        if not problem and path in parameters:
            problem = "gives a path that another entry has given already"
        if problem:
            problems.append(f"{entry.strip()!r} {problem}")
        else:
            parameters[path] = parameter
    return Aliases(parameters, problems)


class ClickPaths:
    """`/offer` and its aliases, each mapped to the query parameter that holds the ad token."""

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        self.parameters = {OFFER_PATH: OFFER_PARAMETER, **(aliases or {})}
        # Usual spellings as they stand in a request line, so that a plain click costs one dictionary look-up.
        self.spellings = {
            spelling.encode(): parameter
            for path, parameter in self.parameters.items()
            for name in (path, path.upper(), path.title())
            for spelling in (name, f"{name}/", f"/{name}")
        }

    def parameter(self, path: str) -> str | None:
        """Return the parameter that holds the token at a decoded path, None where no clicks arrive."""
        parameter = self.parameters.get(path)
        if parameter is None and path.isascii():
            parameter = self.parameters.get(_normal(path))
        return parameter

    def patterns(self) -> dict[str, str]:
        """Return the parameters by regular expressions that match a path without its first slash.

        The patterns spell both cases out: Django cannot reverse a pattern with an inline flag, and one such
        pattern would break `reverse` for every URL of the site.
        """
        return {rf"^/*{_any_case(path[1:])}/*\Z": parameter for path, parameter in self.parameters.items()}


def _normal(path: str) -> str:
    return "/" + path.strip("/").lower()


def _any_case(text: str) -> str:
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else re.escape(c) for c in text)


def _problem(path: str, parameter: str, taken: Iterable[str]) -> str:
    """Return what is wrong with an alias, "" if nothing is."""
    if not _PATH.fullmatch(path):
        return "has no path, such as /pl, of letters, digits and . _ ~ -"
    if path.split("/")[1].lower() in taken:
        return "gives a path that has another use here"
    if not _PARAMETER.fullmatch(parameter):
        return "names no parameter that holds the token"
    if parameter in TAKEN_PARAMETERS:
        return "names a parameter that has another use in a click"
    return ""
