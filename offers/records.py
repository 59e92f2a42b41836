"""Offer, Campaign and their parts: validated, and compiled once into what the rules ask.

`parse_offer` and `parse_campaign` take a raw record as it stands in a recipe file. They raise
`RecordRejected` for a record that cannot be used at all, and keep one with defects, listing them.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from offers.pages import Page
from offers.reading import Defect, FieldReader, id_of
from offers.record_parts import (
    Candidate,
    Caps,
    CountryPayout,
    CustomPage,
    DateRange,
    read_candidates,
    read_caps,
    read_country_payouts,
    read_custom_pages,
    read_dates,
    read_exit_chain,
    read_page,
)
from offers.target_rules import RuleSet, read_target_rules

ZERO = Decimal(0)

__all__ = ["Campaign", "Defect", "Offer", "RecordRejected", "id_of", "parse_campaign", "parse_offer"]


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


NOTHING_UNREADABLE: frozenset[str] = frozenset()
CAMPAIGN_STATUSES = frozenset({"active", "inactive", "pending", "blocked", "rejected"})


class RecordRejected(ValueError):
    """A record that cannot be used. `reason` is one of a few fixed texts, fit to be counted by."""

    def __init__(self, reason: str, record_id: int | None = None) -> None:
        super().__init__(reason if record_id is None else f"record {record_id}: {reason}")
        self.reason = reason
        self.record_id = record_id


class Offer(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One offer. Ids that point at other offers are 0 when there is none; amounts are exact decimals.

    `unreadable` names what restricts the offer and is there but cannot be read at all: "countries", "dates",
    "caps", "candidates". The rule that asks it takes its exit.
    """

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
    unreadable: frozenset[str]
    defects: tuple[Defect, ...]


class Campaign(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One campaign: an affiliate's right to send clicks to an offer.

    `unreadable` names what restricts the campaign and is there but cannot be read at all: "caps",
    "affiliateStatus". Caps then take their exit, and an affiliate whose status is unreadable is blocked.
    """

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
    unreadable: frozenset[str]
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
    nested, detected = read_exit_chain(read)
    return Offer(
        offer_id=offer_id,
        status=status,
        type=kind,
        name=read.text("name"),
        description=read.text("descriptions"),
        advertiser_id=read.identifier("advertiserId"),
        advertiser_name=read.word("advertiserName"),
        advertiser_manager_id=read.identifier("advertiserManagerId"),
        vertical_id=read.identifier("verticalId"),
        vertical_name=read.word("verticalName"),
        conversion_type=read.word("conversionType"),
        is_cpm_option_enabled=bool(read.flag("isCpmOptionEnabled")),
        payin=read.amount("payin") or ZERO,
        payout=read.amount("payout") or ZERO,
        payout_percent=read.amount("payoutPercent") or ZERO,
        landing_page_id=read.identifier("landingPageId"),
        landing_page=read_page(read, "landingPageUrl", read.text("landingPageUrl")),
        exit_offer_id=read.reference("offerIdRedirectExitTraffic"),
        countries_restricted=read.countries("countriesRestrictions"),
        custom_pages=read_custom_pages(read),
        dates=read_dates(read),
        country_payouts=read_country_payouts(read),
        caps=read_caps(read, "offerCapsOfferIdRedirect"),
        caps_redirect_type=read.text("redirectType"),
        caps_redirect_reason=read.text("redirectReason"),
        nested_exit_ids=nested,
        detected_exit_id=detected,
        candidates=read_candidates(read),
        unreadable=NOTHING_UNREADABLE,
        defects=tuple(read.defects),
    )


def parse_campaign(raw: dict[str, Any]) -> Campaign:
    """The campaign in a raw record. Raises `RecordRejected`."""
    campaign_id = id_of(raw.get("campaignId"))
    if campaign_id is None:
        raise RecordRejected("no usable campaignId")
    read = FieldReader(raw, campaign_id)
    status = read.word("campaignStatus")
    if status is not None and status not in CAMPAIGN_STATUSES:
        read.defect("campaignStatus", status, "is not a known status; it blocks nothing")
    return Campaign(
        campaign_id=campaign_id,
        name=read.text("name"),
        offer_id=read.reference("offerId"),
        affiliate_id=read.identifier("affiliateId"),
        affiliate_status=read.word("affiliateStatus"),
        affiliate_type=read.word("affiliateType"),
        affiliate_manager_id=read.identifier("affiliateManagerId"),
        campaign_status=status,
        payout=read.amount("payout") or ZERO,
        payout_percent=read.amount("payoutPercent") or ZERO,
        caps=read_caps(read, "campaignCapsOfferIdRedirect"),
        rule_sets=read_target_rules(read),
        unreadable=NOTHING_UNREADABLE,
        defects=tuple(read.defects),
    )
