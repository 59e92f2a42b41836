"""Offer, Campaign and their parts: validated, and compiled once into what the rules ask.

`parse_offer` and `parse_campaign` take a raw record as it stands in a recipe file. They raise
`RecordRejected` for a record that cannot be used at all, and keep one with defects, listing them.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from offers.pages import BadPage, Page, compile_page
from offers.reading import Defect, FieldReader, id_of
from offers.target_rules import RuleSet, read_target_rules

ZERO = Decimal(0)

__all__ = ["Campaign", "Defect", "Offer", "RecordRejected", "parse_campaign", "parse_offer"]


class OfferStatus(StrEnum):
    """Where an offer stands in its life; only `inactive` keeps clicks away from it."""

    INACTIVE = "inactive"
    DRAFT = "draft"
    PUBLIC = "public"
    PRIVATE = "private"
    APPLY_TO_RUN = "apply_to_run"
    PENDING = "pending"


class OfferType(StrEnum):
    """A regular offer has a landing page; an aggregated one hands its clicks to others."""

    REGULAR = "regular"
    AGGREGATED = "aggregated"


CAMPAIGN_STATUSES = frozenset({"active", "inactive", "pending", "blocked", "rejected"})


class RecordRejected(ValueError):
    """A record that cannot be used. `reason` is one of a few fixed texts, fit to be counted by."""

    def __init__(self, reason: str, record_id: int | None = None) -> None:
        super().__init__(reason if record_id is None else f"record {record_id}: {reason}")
        self.reason = reason
        self.record_id = record_id


class DateRange(msgspec.Struct, frozen=True):
    """When something runs: both ends in ms since the epoch, or only the verdict frozen into the file."""

    start_ms: int | None
    end_ms: int | None
    frozen_pass: bool | None

    def passed(self, now_ms: int) -> bool | None:
        """Whether `now_ms` lies inside; the frozen verdict where a date is missing (None: cannot be told)."""
        if self.start_ms is None or self.end_ms is None:
            return self.frozen_pass
        return self.start_ms <= now_ms <= self.end_ms


class Caps(msgspec.Struct, frozen=True):
    """What co-recipe computed of the caps of an offer or campaign. `dates` is None when they run always."""

    over_limit: bool
    under_limit: bool
    dates: DateRange | None
    redirect_offer_id: int
    is_exit_traffic: bool
    caps_type: str | None


class CountryPayout(msgspec.Struct, frozen=True):
    """Amounts of one country; None leaves the amount that was there."""

    payin: Decimal | None
    payout: Decimal | None


class CustomPage(msgspec.Struct, frozen=True):
    """The landing page of one country."""

    page_id: int | None
    page: Page


class Candidate(msgspec.Struct, frozen=True):
    """An offer that an aggregated offer may hand a click to; `closed_by` says why it may not."""

    offer_id: int
    countries_restricted: frozenset[str]
    closed_by: str | None


class Offer(msgspec.Struct, frozen=True):
    """One offer. Ids that point at other offers are 0 when there is none; amounts are exact decimals."""

    offer_id: int
    status: OfferStatus
    type: OfferType
    name: str | None
    description: str | None
    advertiser_id: int | None
    advertiser_name: str | None
    advertiser_manager_id: int | None
    vertical_id: int | None
    vertical_name: str | None
    conversion_type: str | None
    is_cpm_option_enabled: bool
    payin: Decimal
    payout: Decimal
    payout_percent: Decimal
    landing_page_id: int | None
    landing_page: Page | None
    exit_offer_id: int
    countries_restricted: frozenset[str]
    custom_pages: dict[str, CustomPage]
    dates: DateRange | None
    country_payouts: dict[str, CountryPayout]
    caps: Caps | None
    caps_redirect_type: str | None
    caps_redirect_reason: str | None
    nested_exit_ids: tuple[int, ...]
    detected_exit_id: int
    candidates: tuple[Candidate, ...]
    defects: tuple[Defect, ...]


class Campaign(msgspec.Struct, frozen=True):
    """One campaign: an affiliate's right to send clicks to an offer."""

    campaign_id: int
    name: str | None
    offer_id: int
    affiliate_id: int | None
    affiliate_status: str | None
    affiliate_type: str | None
    affiliate_manager_id: int | None
    campaign_status: str | None
    payout: Decimal
    payout_percent: Decimal
    caps: Caps | None
    rule_sets: tuple[RuleSet, ...]
    defects: tuple[Defect, ...]


def parse_offer(raw: dict[str, Any]) -> Offer:
    """The offer in a raw record. Raises `RecordRejected`."""
    offer_id = id_of(raw.get("offerId"))
    if offer_id is None:
        raise RecordRejected("no usable offerId")
    try:
        status = OfferStatus(raw["status"])
    except (KeyError, ValueError):
        raise RecordRejected("no usable status", offer_id) from None
    try:
        kind = OfferType(raw["type"])
    except (KeyError, ValueError):
        raise RecordRejected("no usable type", offer_id) from None
    read = FieldReader(raw, offer_id)
    nested, detected = _exit_chain(read)
    return Offer(
        offer_id=offer_id,
        status=status,
        type=kind,
        name=read.text("name"),
        description=read.text("descriptions"),
        advertiser_id=read.identifier("advertiserId"),
        advertiser_name=read.text("advertiserName"),
        advertiser_manager_id=read.identifier("advertiserManagerId"),
        vertical_id=read.identifier("verticalId"),
        vertical_name=read.text("verticalName"),
        conversion_type=read.text("conversionType"),
        is_cpm_option_enabled=bool(read.flag("isCpmOptionEnabled")),
        payin=read.amount("payin") or ZERO,
        payout=read.amount("payout") or ZERO,
        payout_percent=read.amount("payoutPercent") or ZERO,
        landing_page_id=read.identifier("landingPageId"),
        landing_page=_page(read, "landingPageUrl", read.text("landingPageUrl")),
        exit_offer_id=read.reference("offerIdRedirectExitTraffic"),
        countries_restricted=read.countries("countriesRestrictions"),
        custom_pages=_custom_pages(read),
        dates=_dates(read),
        country_payouts=_country_payouts(read),
        caps=_caps(read, "offerCapsOfferIdRedirect"),
        caps_redirect_type=read.text("redirectType"),
        caps_redirect_reason=read.text("redirectReason"),
        nested_exit_ids=nested,
        detected_exit_id=detected,
        candidates=_candidates(read),
        defects=tuple(read.defects),
    )


def parse_campaign(raw: dict[str, Any]) -> Campaign:
    """The campaign in a raw record. Raises `RecordRejected`."""
    campaign_id = id_of(raw.get("campaignId"))
    if campaign_id is None:
        raise RecordRejected("no usable campaignId")
    read = FieldReader(raw, campaign_id)
    status = read.text("campaignStatus")
    if status is not None and status not in CAMPAIGN_STATUSES:
        read.defect("campaignStatus", status, "is not a known status; it blocks nothing")
    return Campaign(
        campaign_id=campaign_id,
        name=read.text("name"),
        offer_id=read.reference("offerId"),
        affiliate_id=read.identifier("affiliateId"),
        affiliate_status=read.text("affiliateStatus"),
        affiliate_type=read.text("affiliateType"),
        affiliate_manager_id=read.identifier("affiliateManagerId"),
        campaign_status=status,
        payout=read.amount("payout") or ZERO,
        payout_percent=read.amount("payoutPercent") or ZERO,
        caps=_caps(read, "campaignCapsOfferIdRedirect"),
        rule_sets=read_target_rules(read),
        defects=tuple(read.defects),
    )


def _page(read: FieldReader, field: str, text: str | None) -> Page | None:
    if text is None or not text.strip():
        return None
    try:
        return compile_page(text)
    except BadPage as problem:
        read.defect(field, text, str(problem))
        return None


def _custom_pages(read: FieldReader) -> dict[str, CustomPage]:
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
        page = _page(read, "customLpRules.lpUrl", url)
        if page is not None and code and code not in pages:
            pages[code] = CustomPage(id_of(row.get("id")), page)
    return pages


def _position(row: dict[str, Any]) -> float:
    """A row's `pos`, lowest first; rows without one come last, in the order of the file."""
    value = row.get("pos")
    try:
        return float(value) if isinstance(value, int | float | str) else float("inf")
    except ValueError:
        return float("inf")


def _dates(read: FieldReader) -> DateRange | None:
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


def _country_payouts(read: FieldReader) -> dict[str, CountryPayout]:
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


def _caps(read: FieldReader, redirect_field: str) -> Caps | None:
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


def _exit_chain(read: FieldReader) -> tuple[tuple[int, ...], int]:
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


def _candidates(read: FieldReader) -> tuple[Candidate, ...]:
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
