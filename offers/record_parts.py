"""The parts of offers and campaigns, and how each is read from a raw record."""

from decimal import Decimal
from typing import Any

import msgspec

from offers.pages import BadPage, Page, compile_page
from offers.reading import FieldReader, id_of


class DateRange(msgspec.Struct, frozen=True, gc=False):
    """When something runs: both ends in ms since the epoch, or only the verdict frozen into the file."""

    start_ms: int | None
    end_ms: int | None
    frozen_pass: bool | None

    def passed(self, now_ms: int) -> bool | None:
        """Whether `now_ms` lies inside; the frozen verdict where a date is missing (None: cannot be told)."""
        if self.start_ms is None or self.end_ms is None:
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
    """The page in a field; None when it has none, or (a defect) one that is no page."""
    if text is None or not text.strip():
        return None
    try:
        return compile_page(text)
    except BadPage as problem:
        read.defect(field, text, str(problem))
        return None


def read_custom_pages(read: FieldReader) -> dict[str, CustomPage]:
    """The page for each country, of several the one with the lowest `pos`; an empty one does not count."""
    value = read.json("customLpRules")
    if value is None:
        return {}
    if not isinstance(value, dict):
        read.defect("customLpRules", value, "is not an object")
        return {}
    pages: dict[str, CustomPage] = {}
    rows = read.rows("customLpRules", value.get("customLPRules"))
    for row in sorted(rows, key=_position):
        country, url = row.get("country"), row.get("lpUrl")
        if not isinstance(country, str) or not isinstance(url, str):
            continue
        code = country.strip().upper()
        page = read_page(read, "customLpRules.lpUrl", url)
        if page is not None and code and code not in pages:
            pages[code] = CustomPage(id_of(row.get("id")), page)
    return pages


def _position(row: dict[str, Any]) -> float:
    """A row's `pos`, lowest first; rows without one come last, in the order of the file."""
    value = row.get("pos")
    try:
        return float(value) if isinstance(value, int | float | str) else float("inf")
    except (ValueError, OverflowError):
        return float("inf")


def read_dates(read: FieldReader) -> DateRange | None:
    """The start and end of an offer that has them set up."""
    setting = read.raw.get("startEndDateSetting")
    if not read.flag("startEndDateSetup"):
        return None
    if not isinstance(setting, dict):
        read.defect("startEndDateSetting", setting, "is not an object")
        return None
    return _date_range(read, "startEndDateSetting.", setting, "startDate", "endDate")


def _date_range(read: FieldReader, path: str, source: dict[str, Any], start: str, end: str) -> DateRange:
    return DateRange(
        read.instant_ms(start, source, path),
        read.instant_ms(end, source, path),
        read.flag("dateRangePass", source, path),
    )


def read_country_payouts(read: FieldReader) -> dict[str, CountryPayout]:
    """The amounts for each country, of several the first."""
    payouts: dict[str, CountryPayout] = {}
    field = "customPayOutPerGeo"
    for row in read.rows(field, read.json(field)):
        country = row.get("geo")
        if not isinstance(country, str) or not country.strip():
            read.defect(f"{field}.geo", country, "is not a country")
            continue
        payout = CountryPayout(
            read.amount("payIn", row, f"{field}."), read.amount("payOut", row, f"{field}.")
        )
        payouts.setdefault(country.strip().upper(), payout)
    return payouts


def read_caps(read: FieldReader, redirect_field: str) -> Caps | None:
    """The caps that are set up; `redirect_field` is where `capInfo` names another offer."""
    if not read.flag("capSetup"):
        return None
    info = read.raw.get("capInfo")
    if not isinstance(info, dict):
        if info is not None:
            read.defect("capInfo", info, "is not an object")
        return None

    def flag(name: str) -> bool:
        return bool(read.flag(name, info, "capInfo."))

    caps_type = info.get("capsType")
    return Caps(
        over_limit=flag("capsSalesOverLimit") | flag("capsClicksOverLimit"),
        under_limit=flag("capsSalesUnderLimit") | flag("capsClicksUnderLimit"),
        dates=_date_range(read, "capInfo.", info, "dateStart", "dateEnd") if flag("dateRangeSetUp") else None,
        redirect_offer_id=read.reference(redirect_field, info, "capInfo."),
        is_exit_traffic=flag("isExitTraffic"),
        caps_type=caps_type if isinstance(caps_type, str) and caps_type else None,
    )


def read_exit_chain(read: FieldReader) -> tuple[tuple[int, ...], int]:
    """The ids of the offers along the exit chain, and of the first that is not over its cap (0: none)."""
    nested = read.raw.get("exitOffersNested")
    chain = tuple(
        found for row in read.rows("exitOffersNested", nested) if (found := id_of(row.get("offerId")))
    )
    detected = read.raw.get("exitOfferDetected")
    if not isinstance(detected, dict):
        if detected:
            read.defect("exitOfferDetected", detected, "is not an offer")
        return chain, 0
    return chain, read.reference("offerId", detected, "exitOfferDetected.")


def read_candidates(read: FieldReader) -> tuple[Candidate, ...]:
    """The candidates of an aggregated offer, in the order of the file."""
    field = "offersAggregatedIds"
    found = []
    for row in read.rows(field, read.json(field)):
        offer_id = read.reference("aggregatedOfferId", row, f"{field}.")
        if offer_id:
            restricted = read.countries("countriesRestrictions", row, f"{field}.")
            found.append(Candidate(offer_id, restricted, _closed_by(read, row)))
    return tuple(found)


def _closed_by(read: FieldReader, row: dict[str, Any]) -> str | None:
    for name, why in (
        ("capsOverLimitSales", "its sales cap is exceeded"),
        ("capsOverLimitClicks", "its clicks cap is exceeded"),
        ("dateRangeNotPass", "its dates have failed"),
    ):
        if read.flag(name, row, "offersAggregatedIds."):
            return why
    return None
