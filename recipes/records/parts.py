"""The parts of offers and campaigns, and readers of those that only change a page or an amount.

`recipes/records/restrictions.py` reads the parts that keep clicks away.
"""

from decimal import Decimal
from math import inf, isfinite

import msgspec

from recipes.records.fields import FieldReader, id_of
from recipes.records.landing_page import BadPage, Page, compile_page, trimmed


class DateRange(msgspec.Struct, frozen=True, gc=False):
    """A period: both ends in ms since the epoch, or only the verdict that co-recipe wrote into the file."""

    start_ms: int | None
    end_ms: int | None
    frozen_pass: bool | None

    @property
    def is_told(self) -> bool:
        """Whether there is a date or a verdict to decide by."""
        return (self.start_ms, self.end_ms, self.frozen_pass) != (None, None, None)

    def passed(self, now_ms: int) -> bool | None:
        """Return whether `now_ms` lies inside, None if that cannot be told.

        If a date is missing, the file's verdict counts; without a verdict, the other date bounds its side.
        """
        if self.start_ms is None or self.end_ms is None:
            if self.frozen_pass is None and self.start_ms is not self.end_ms:
                return now_ms >= self.start_ms if self.start_ms is not None else now_ms <= (self.end_ms or 0)
            return self.frozen_pass
        return self.start_ms <= now_ms <= self.end_ms


class ClickLimit(msgspec.Struct, frozen=True, gc=False):
    """How many clicks a day, week or month may have, and how many co-recipe had counted in it."""

    period: str
    current: int
    limit: int

    @property
    def left(self) -> int:
        """How many more clicks there is room for, zero or more."""
        return max(0, self.limit - self.current)


class Caps(msgspec.Struct, frozen=True, gc=False):
    """The state of an offer's or campaign's caps, as co-recipe computed it. `dates` None: they always run.

    `counted_as` names the live count of this version of the record, "" where its clicks are not counted live.
    `closed_by` says why live counting has put the caps over their limit, "" where it has not.
    """

    over_limit: bool
    under_limit: bool
    dates: DateRange | None
    redirect_offer_id: int
    caps_type: str | None
    click_limits: tuple[ClickLimit, ...] = ()
    counted_as: str = ""
    closed_by: str = ""

    @property
    def tightest(self) -> ClickLimit | None:
        """The limit with the least room, which is reached first; None where no clicks are limited."""
        return min(self.click_limits, key=lambda limit: limit.left, default=None)


class CountryPayout(msgspec.Struct, frozen=True, gc=False):
    """The amounts for one country; None leaves the offer's own amount."""

    payin: Decimal | None
    payout: Decimal | None


class CustomPage(msgspec.Struct, frozen=True, gc=False):
    """The landing page of one country."""

    page_id: int | None
    page: Page


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An offer that an aggregated offer may hand a click to; `closed_by` says why it must not, else None."""

    offer_id: int
    countries_restricted: frozenset[str]
    closed_by: str | None


def read_page(read: FieldReader, field: str, text: str | None) -> Page | None:
    """Read the page in a field; None if it has none, or one that is not a page, which is a defect.

    Whatever is odd about a usable page is a defect as well.
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
    """Read the page for each country; of several, the lowest `pos` wins, and an empty page does not count."""
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


def _row_countries(read: FieldReader, row: dict[str, object], name: str, field: str) -> frozenset[str]:
    """Read the countries that a row is for; a row for none is a defect."""
    found = read.countries(name, row, f"{field}.")
    if not found.codes and not found.unreadable:
        read.defect(f"{field}.{name}", row.get(name), "names no country")
    return found.codes


def _position(read: FieldReader, row: dict[str, object]) -> float:
    """Return a row's `pos`, lowest first; rows without a readable one come last, in the order of the file."""
    value = row.get("pos")
    if value is None or value == "":
        return inf
    position = inf
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            position = float(value)
        except OverflowError:
            # A whole number too large for a float is still a number.
            return -inf if int(value) < 0 else inf
        except ValueError:
            pass
    if isfinite(position):
        return position
    read.defect("customLpRules.pos", value, "is not a number; its row comes last")
    return inf


def read_country_payouts(read: FieldReader) -> dict[str, CountryPayout]:
    """Read the amounts for each country; of several, the first ones count."""
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
    """Read the ids of the offers along the exit chain, and of the first not over its cap (0: none)."""
    nested = read.rows("exitOffersNested", read.json("exitOffersNested"))
    chain = tuple(found for row in nested if (found := id_of(row.get("offerId"))))
    detected = read.json("exitOfferDetected")
    if not isinstance(detected, dict):
        if detected:
            read.defect("exitOfferDetected", detected, "is not an offer")
        return chain, 0
    return chain, read.reference("offerId", detected, "exitOfferDetected.")
