"""Decides whether a click is let in at all: the blocks that come before every rule. Pure, like the rules."""

from enum import Enum

import msgspec

from offers.catalog.record_cache import CacheMiss, RecordSource
from offers.links.tokens import AdTarget
from offers.routing.decision import Defaults
from recipes.records.records import BLACKLISTED, CAMPAIGN_STATUSES, Campaign, Offer, OfferStatus


class Reason(Enum):
    """Why a click is not sent anywhere."""

    BAD_TOKEN = "bad token"  # noqa: S105 - the words of an answer
    UNKNOWN_OFFER = "unknown offer"
    UNKNOWN_CAMPAIGN = "unknown campaign"
    INACTIVE_OFFER = "inactive offer, and no default campaign with an active offer"
    BLOCKED_AFFILIATE = "blocked affiliate"
    BLOCKED_CAMPAIGN = "blocked campaign"
    NOTHING_LOADED = "nothing loaded"
    REDIS_AWAY = "unknown record while Redis is away"
    UNWRITABLE = "neither Redis nor the disk takes clicks"
    FETCHED_AHEAD = "fetched ahead: nobody has clicked yet"


UNAVAILABLE = frozenset({Reason.NOTHING_LOADED, Reason.REDIS_AWAY, Reason.UNWRITABLE, Reason.FETCHED_AHEAD})


class Refusal(msgspec.Struct, frozen=True):
    """A click that is sent nowhere: the reason, and what exactly it was."""

    reason: Reason
    detail: str


def admit(target: AdTarget, records: RecordSource, defaults: Defaults) -> tuple[Offer, Campaign] | Refusal:
    """Return the offer and campaign that the rules decide on, or a refusal. Raises `CacheMiss`."""
    try:
        offer = records.offer(target.offer_id)
    except CacheMiss as missing:
        raise _both(missing, target, records) from None
    if offer is None:
        return Refusal(Reason.UNKNOWN_OFFER, f"offer {target.offer_id} is not in the recipe")
    campaign = records.campaign(target.campaign_id)
    if campaign is None:
        return Refusal(Reason.UNKNOWN_CAMPAIGN, f"campaign {target.campaign_id} is not in the recipe")
    if offer.status is OfferStatus.INACTIVE:
        default = _default_pair(records, defaults)
        if default is None:
            return Refusal(Reason.INACTIVE_OFFER, f"offer {offer.offer_id} is inactive")
        offer, campaign = default
    return blocked_by(campaign) if campaign.is_blocked else (offer, campaign)


def blocked_by(campaign: Campaign) -> Refusal:
    """Return what blocks a blocked campaign: its affiliate's status before its own."""
    if campaign.affiliate_status == BLACKLISTED:
        return Refusal(Reason.BLOCKED_AFFILIATE, f"affiliate {campaign.affiliate_id} is blacklisted")
    if "affiliateStatus" in campaign.unreadable:
        detail = f"affiliate {campaign.affiliate_id} has a status that cannot be read, so it is blocked"
        return Refusal(Reason.BLOCKED_AFFILIATE, detail)
    status = campaign.campaign_status
    if status is None:
        detail = f"campaign {campaign.campaign_id} has no status that can be read"
    elif status in CAMPAIGN_STATUSES:
        detail = f"campaign {campaign.campaign_id} is {status}"
    else:
        detail = f"campaign {campaign.campaign_id} has the unknown status {status!r}"
    return Refusal(Reason.BLOCKED_CAMPAIGN, detail)


def _both(missing: CacheMiss, target: AdTarget, records: RecordSource) -> CacheMiss:
    """Report the campaign too if it is missing like the offer, so that one read loads both."""
    try:
        records.campaign(target.campaign_id)
    except CacheMiss as too:
        return CacheMiss(*missing.wanted, *too.wanted)
    return missing


def _default_pair(records: RecordSource, defaults: Defaults) -> tuple[Offer, Campaign] | None:
    """The default campaign and its offer, which take the clicks of inactive offers."""
    if not defaults.campaign_id:
        return None
    campaign = records.campaign(defaults.campaign_id)
    offer = records.offer(campaign.offer_id) if campaign and campaign.offer_id else None
    if campaign is None or offer is None or offer.status is OfferStatus.INACTIVE:
        return None
    return offer, campaign
