"""Offer and Campaign: validated, and compiled once into what the rules need.

`parse_offer` and `parse_campaign` take a raw record as it stands in a recipe file. They raise
`RecordRejected` for a record that cannot be used at all, and keep one with defects, listing them.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from itertools import compress

import msgspec

from recipes.records.fields import Defect, FieldReader, id_of, word_of
from recipes.records.kinds import RecipeKind
from recipes.records.landing_page import Page
from recipes.records.parts import (
    Candidate,
    Caps,
    CountryPayout,
    CustomPage,
    DateRange,
    read_country_payouts,
    read_custom_pages,
    read_exit_chain,
    read_page,
)
from recipes.records.restrictions import (
    ACTIVE,
    AFFILIATE_STATUS,
    BLACKLISTED,
    read_affiliate_status,
    read_campaign_status,
    read_candidates,
    read_caps,
    read_dates,
    read_restricted_countries,
    unreadable,
)
from recipes.records.target_rules import RuleSet, read_target_rules

ZERO = Decimal(0)

__all__ = [
    "CLOSED_STATUSES",
    "PARSERS",
    "Campaign",
    "Defect",
    "Offer",
    "RecordRejected",
    "id_of",
    "parse_campaign",
    "parse_offer",
]


class OfferStatus(StrEnum):
    """The status of an offer. `inactive` keeps every click away, `draft` those of an aggregated offer."""

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


CLOSED_STATUSES = (OfferStatus.INACTIVE, OfferStatus.DRAFT)
_OFFER_STATUSES: dict[str | None, OfferStatus] = {status.value: status for status in OfferStatus}
_OFFER_TYPES: dict[str | None, OfferType] = {kind.value: kind for kind in OfferType}


class RecordRejected(ValueError):
    """A record that cannot be used. `reason` is one of a few fixed texts, so that it can be counted by."""

    def __init__(self, reason: str, record_id: int | None = None) -> None:
        super().__init__(reason if record_id is None else f"record {record_id}: {reason}")
        self.reason = reason
        self.record_id = record_id


class Offer(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One offer. Ids of other offers are 0 if there is none; amounts are exact decimals.

    `unreadable` names the restrictions that are set but cannot be read at all: "countries", "dates", "caps",
    "candidates". Their rules send every click to the exit offer.
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

    @property
    def takes_no_click(self) -> bool:
        """Whether it closes to every click by what can be read, whatever else of it cannot."""
        return self.status is OfferStatus.INACTIVE

    def payout_in(self, country: str | None) -> CountryPayout | None:
        """Return the offer's own amounts for a country, None if it has none."""
        return None if country is None else self.country_payouts.get(country)

    @property
    def restrictions(self) -> frozenset[str]:
        """The names of the settings that keep clicks away, move them or change what they pay.

        If many records of a file have lost one, or none has it any more, a field was renamed or left out.
        """
        held = {
            "status": self.status in CLOSED_STATUSES,
            "page": self.landing_page,
            "exit offer": self.exit_offer_id,
            "countries": self.countries_restricted,
            "custom pages": self.custom_pages,
            "dates": self.dates is not None and self.dates.is_told,
            "country payouts": self.country_payouts,
            "caps": self.caps,
            "caps exit": self.caps is not None and self.caps.redirect_offer_id,
            "candidates": self.candidates,
            "candidate limits": self.candidates
            and any(c.closed_by or c.countries_restricted for c in self.candidates),
        }
        return self.unreadable.union(compress(held, held.values()))


class Campaign(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One campaign: an affiliate's right to send clicks to an offer.

    `campaign_status` and `affiliate_status` are words in lower case, None if they are not words. If
    `is_blocked`, none of its clicks is let in. `unreadable` names the restrictions that are set but cannot be
    read at all: "caps" (every click goes to the exit offer), "affiliateStatus" (the campaign is blocked),
    "target rules" (they are off).
    """

    campaign_id: int
    name: str | None
    offer_id: int
    affiliate_id: int | None
    affiliate_status: str | None
    affiliate_type: str | None
    affiliate_manager_id: int | None
    campaign_status: str | None
    is_blocked: bool
    payout: Decimal
    payout_percent: Decimal
    caps: Caps | None
    rule_sets: tuple[RuleSet, ...]
    unreadable: frozenset[str]
    defects: tuple[Defect, ...]

    @property
    def takes_no_click(self) -> bool:
        """Whether it is blocked by what can be read, whatever else of it cannot."""
        return self.campaign_status != ACTIVE or self.affiliate_status == BLACKLISTED

    @property
    def restrictions(self) -> frozenset[str]:
        """The names of its settings that keep clicks away or move them; see `Offer.restrictions`."""
        held = {
            "status": self.campaign_status != ACTIVE,
            "affiliateStatus": self.affiliate_status,
            "blacklisted": self.affiliate_status == BLACKLISTED,
            "payout": self.payout,
            "caps": self.caps,
            "caps exit": self.caps is not None and self.caps.redirect_offer_id,
            "target rules": self.rule_sets,
            "including rules": self.rule_sets
            and any(rule.include for found in self.rule_sets for rule in found.rules),
        }
        return self.unreadable.union(compress(held, held.values()))


def parse_offer(raw: dict[str, object]) -> Offer:
    """Read the offer in a raw record. Raises `RecordRejected`."""
    offer_id = id_of(raw.get("offerId"))
    if offer_id is None:
        raise RecordRejected("no usable offerId")
    status = _OFFER_STATUSES.get(word_of(raw.get("status")))
    if status is None:
        raise RecordRejected("no usable status", offer_id)
    kind = _OFFER_TYPES.get(word_of(raw.get("type")))
    if kind is None:
        raise RecordRejected("no usable type", offer_id)
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
        countries_restricted=read_restricted_countries(read),
        custom_pages=read_custom_pages(read),
        dates=read_dates(read),
        country_payouts=read_country_payouts(read),
        caps=read_caps(read, "offerCapsOfferIdRedirect"),
        caps_redirect_type=read.text("redirectType"),
        caps_redirect_reason=read.text("redirectReason"),
        nested_exit_ids=nested,
        detected_exit_id=detected,
        candidates=read_candidates(read) if kind is OfferType.AGGREGATED else (),
        unreadable=unreadable(read),
        defects=tuple(read.defects),
    )


def parse_campaign(raw: dict[str, object]) -> Campaign:
    """Read the campaign in a raw record. Raises `RecordRejected`."""
    campaign_id = id_of(raw.get("campaignId"))
    if campaign_id is None:
        raise RecordRejected("no usable campaignId")
    read = FieldReader(raw, campaign_id)
    status = read_campaign_status(read)
    affiliate_status = read_affiliate_status(read)
    return Campaign(
        campaign_id=campaign_id,
        name=read.text("name"),
        offer_id=read.reference("offerId"),
        affiliate_id=read.identifier("affiliateId"),
        affiliate_status=affiliate_status,
        affiliate_type=read.word("affiliateType"),
        affiliate_manager_id=read.identifier("affiliateManagerId"),
        campaign_status=status,
        is_blocked=status != ACTIVE or affiliate_status == BLACKLISTED or AFFILIATE_STATUS in read.unreadable,
        payout=read.amount("payout") or ZERO,
        payout_percent=read.amount("payoutPercent") or ZERO,
        caps=read_caps(read, "campaignCapsOfferIdRedirect"),
        rule_sets=read_target_rules(read),
        unreadable=unreadable(read),
        defects=tuple(read.defects),
    )


PARSERS: dict[RecipeKind, Callable[[dict[str, object]], Offer | Campaign]] = {
    RecipeKind.OFFERS: parse_offer,
    RecipeKind.CAMPAIGNS: parse_campaign,
}
