"""The parts of offers and campaigns, and how those are read that only change a page or an amount.

What restricts is read by `recipes/records/restrictions.py`.
"""

from decimal import Decimal
from math import inf, isfinite
from typing import Any

import msgspec

from recipes.records.fields import FieldReader, id_of
from recipes.records.landing_page import BadPage, Page, compile_page, trimmed


class DateRange(msgspec.Struct, frozen=True, gc=False):
    """When something runs: both ends in ms since the epoch, or only the verdict frozen into the file."""

    start_ms: int | None
    end_ms: int | None
    frozen_pass: bool | None

    @property
    def is_told(self) -> bool:
        """Whether there is anything to tell by."""
        return (self.start_ms, self.end_ms, self.frozen_pass) != (None, None, None)

    def passed(self, now_ms: int) -> bool | None:
        """Whether `now_ms` lies inside; the frozen verdict where a date is missing (None: cannot be told).

        Without a verdict, the one date that is there bounds one side.
        """
        if self.start_ms is None or self.end_ms is None:
            if self.frozen_pass is None and self.start_ms is not self.end_ms:
                return now_ms >= self.start_ms if self.start_ms is not None else now_ms <= (self.end_ms or 0)
            return self.frozen_pass
        return self.start_ms <= now_ms <= self.end_ms


class Caps(msgspec.Struct, frozen=True, gc=False):
    """What co-recipe computed of the caps of an offer or campaign. `dates` is None when they run always."""

    over_limit: bool
    under_limit: bool
    dates: DateRange | None
    redirect_offer_id: int
    is_exit_traffic: bool
    caps_type: str | None


class CountryPayout(msgspec.Struct, frozen=True, gc=False):
    """Amounts of one country; None leaves the amount that was there."""

    payin: Decimal | None
    payout: Decimal | None


class CustomPage(msgspec.Struct, frozen=True, gc=False):
    """The landing page of one country."""

    page_id: int | None
    page: Page


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An offer that an aggregated offer may hand a click to; `closed_by` says why it may not."""

    offer_id: int
    countries_restricted: frozenset[str]
    closed_by: str | None


def read_page(read: FieldReader, field: str, text: str | None) -> Page | None:
    """The page in a field; None when it has none, or (a defect) one that is no page.

    What is odd about a page that can be used is a defect as well.
    """
    if text is None or not trimmed(text):
        return None
    try:
        page = compile_page(text)
    except BadPage as error:
        read.defect(field, text, str(error))
        return None
    for note in page.notes:
        read.defect(field, text, note)
    return page


def read_custom_pages(read: FieldReader) -> dict[str, CustomPage]:
    """The page for each country, of several the one with the lowest `pos`; an empty one does not count."""
    field = "customLpRules"
    value = read.object(field)
    if value is None:
        return {}
    pages: dict[str, CustomPage] = {}
    rows = read.rows(field, read.json("customLPRules", value, f"{field}."))
    for row in sorted(rows, key=lambda row: _position(read, row)):
        url = row.get("lpUrl")
        if url is not None and not isinstance(url, str):
            read.defect(f"{field}.lpUrl", url, "is not text")
            continue
        page = read_page(read, f"{field}.lpUrl", url)
        if page is not None:
            for code in _row_countries(read, row, "country", field):
                pages.setdefault(code, CustomPage(id_of(row.get("id")), page))
    return pages


def _row_countries(read: FieldReader, row: dict[str, Any], name: str, field: str) -> frozenset[str]:
    """The countries that a row is for; a row for none is a defect."""
    found = read.countries(name, row, f"{field}.")
    if not found.codes and not found.unreadable:
        read.defect(f"{field}.{name}", row.get(name), "names no country")
    return found.codes


def _position(read: FieldReader, row: dict[str, Any]) -> float:
    """A row's `pos`, lowest first; rows without a readable one come last, in the order of the file."""
    value = row.get("pos")
    if value is None or value == "":
        return inf
    try:
        position = inf if isinstance(value, bool) else float(value)
    except OverflowError:
        # A whole number beyond what a float holds is a number all the same.
        return -inf if value < 0 else inf
    except (TypeError, ValueError):
        position = inf
    if isfinite(position):
        return position
    read.defect("customLpRules.pos", value, "is not a number; its row comes last")
    return inf


def read_country_payouts(read: FieldReader) -> dict[str, CountryPayout]:
    """The amounts for each country, of several the first."""
    payouts: dict[str, CountryPayout] = {}
    field = "customPayOutPerGeo"
    for row in read.rows(field, read.json(field)):
        countries = _row_countries(read, row, "geo", field)
        payout = CountryPayout(
            read.amount("payIn", row, f"{field}."), read.amount("payOut", row, f"{field}.")
        )
        for code in countries:
            payouts.setdefault(code, payout)
    return payouts


def read_exit_chain(read: FieldReader) -> tuple[tuple[int, ...], int]:
    """The ids of the offers along the exit chain, and of the first that is not over its cap (0: none)."""
    nested = read.rows("exitOffersNested", read.json("exitOffersNested"))
    chain = tuple(found for row in nested if (found := id_of(row.get("offerId"))))
    detected = read.json("exitOfferDetected")
    if not isinstance(detected, dict):
        if detected:
            read.defect("exitOfferDetected", detected, "is not an offer")
        return chain, 0
    return chain, read.reference("offerId", detected, "exitOfferDetected.")
