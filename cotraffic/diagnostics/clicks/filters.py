"""The filter of the clicks page: what was typed into its fields, and what is wrong with that."""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from django.http import QueryDict

from cotraffic.diagnostics.words.redirect_types import REDIRECT_TYPES
from offers.click_log.recent import Wanted

Read = TypeVar("Read")
UNIQUE = {"yes": True, "no": False}
MADE_BY = {"machine": True, "person": False}
# Records may have redirect types of their own, so any text is accepted beside these codes and their words.
CODES = {words.short: code.value for code, words in REDIRECT_TYPES.items()}
LID_START = re.compile(r"[0-9a-f-]{1,36}", re.IGNORECASE)
ID = re.compile(r"[0-9]{1,18}")
COUNTRY = re.compile(r"[a-z]{2}", re.IGNORECASE)
# What a message repeats of a wrong value.
REPEATED = 40


class ReadFilter(msgspec.Struct, frozen=True):
    """A filter as it was read; `wrong` says by field what cannot be read, and is empty if all can."""

    wanted: Wanted
    wrong: dict[str, str]


def read_filter(query: QueryDict) -> ReadFilter:
    """Read the filter from an address. A field that cannot be read filters nothing."""
    wrong: dict[str, str] = {}

    def read(name: str, meaning: Callable[[str], Read]) -> Read | None:
        text = query.get(name, "").strip()
        if not text:
            return None
        try:
            return meaning(text)
        except ValueError as error:
            wrong[name] = str(error)
            return None

    wanted = Wanted(
        offer=read("offer", lambda text: _number("Offer", text)),
        campaign=read("campaign", lambda text: _number("Campaign", text)),
        affiliate=read("affiliate", lambda text: _number("Affiliate", text)),
        country=read("country", _country),
        redirect_type=read("redirect_type", lambda text: CODES.get(text, text)),
        unique=read("unique", lambda text: _choice(UNIQUE, text)),
        automated=read("made_by", lambda text: _choice(MADE_BY, text)),
        isp=read("isp", str) or "",
        subid=read("subid", str) or "",
        lid=read("lid", _lid_start) or "",
    )
    return ReadFilter(wanted, wrong)


def _number(label: str, text: str) -> int:
    if not ID.fullmatch(text):
        raise ValueError(f"{label} is chosen by its id, a number; {text[:REPEATED]!r} is none")
    return int(text)


def _country(text: str) -> str:
    if not COUNTRY.fullmatch(text):
        raise ValueError(f"a country is chosen by its two letters, such as DE; not {text[:REPEATED]!r}")
    return text.upper()


def _choice(known: dict[str, bool], text: str) -> bool:
    if text not in known:
        raise ValueError(f"choose one of {', '.join(known)}; {text[:REPEATED]!r} is none of them")
    return known[text]


def _lid_start(text: str) -> str:
    if not LID_START.fullmatch(text):
        raise ValueError(
            f"a lid begins with hexadecimal digits, such as 9ed72f87; {text[:REPEATED]!r} does not"
        )
    return text
