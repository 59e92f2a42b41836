"""What a rule makes of a record, in words for staff who make offers. Only the staff page uses it.

A line is text and references to offers in turn, so that a page can make links of them.
"""

from typing import NamedTuple

import msgspec

from offers.rules.common.sentences import dates_in_words
from recipes.records.parts import Caps
from recipes.records.records import Offer


class OfferRef(NamedTuple):
    """A reference to an offer in a line."""

    offer_id: int

    def __str__(self) -> str:
        return f"offer {self.offer_id}"


Line = tuple[str | OfferRef, ...]


class Description(msgspec.Struct, frozen=True):
    """A rule as one record sets it up.

    `is_on`: it can decide a click; `now`: its state at this moment, "" if it has none.
    """

    lines: tuple[Line, ...]
    is_on: bool = True
    now: str = ""


def off(why: str) -> Description:
    """Describe a rule that decides no click of a record."""
    return Description(((why,),), is_on=False)


def closed(what: str, exit_to: Line) -> Description:
    """Describe a rule that decides every click, because its restriction cannot be read."""
    return Description(((f"{what} cannot be read: every click exits to ", *exit_to, "."),), now="closed")


def exit_of(offer: Offer) -> Line:
    """Name the offer that takes the clicks which this one may not have."""
    if offer.exit_offer_id == offer.offer_id:
        return ("the default offer, for it names itself as exit offer",)
    if offer.exit_offer_id:
        return (OfferRef(offer.exit_offer_id),)
    return ("the default offer, for none is named as exit offer",)


def capped(caps: Caps, now_ms: int, lines: list[Line]) -> Description:
    """Describe caps: `lines` say where clicks go, this adds their dates and their state."""
    now = "over its limit" if caps.over_limit else "under its limit" if caps.under_limit else "not capped"
    if caps.dates is not None:
        lines = [*lines, (f"The caps count {dates_in_words(caps.dates)}.",)]
        if caps.dates.passed(now_ms) is False:
            now = "caps are off: outside their dates"
    return Description(tuple(lines), now=now)
