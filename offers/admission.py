"""Decides whether a click is let in at all: the blocks that come before every rule. Pure, like the rules."""

from enum import Enum

import msgspec
from msgspec import structs

from offers.catalog.record_cache import CacheMiss, RecordSource
from offers.links.tokens import AdTarget
from offers.request import ClickRequest
from offers.routing.decision import Defaults
from offers.stats.types import RefusedClick
from recipes.records.records import Campaign, Offer, OfferStatus
from recipes.records.restrictions import BLACKLISTED, CAMPAIGN_STATUSES

# Truncate texts of refused clicks, which are kept for staff, to this length.
SHOWN_CHARACTERS = 500


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
    """A click that is sent nowhere: the reason, and what exactly it was.

    `target` is what its link names, `affiliate_id` whose campaign that is; None where it was not read so far.
    """

    reason: Reason
    detail: str
    target: AdTarget | None = None
    affiliate_id: int | None = None


def admit(target: AdTarget, records: RecordSource, defaults: Defaults) -> tuple[Offer, Campaign] | Refusal:
    """Return the offer and campaign that the rules decide on, or a refusal. Raises `CacheMiss`."""
    try:
        offer = records.offer(target.offer_id)
    except CacheMiss as missing:
        raise _both(missing, target, records) from None
    if offer is None:
        detail = f"offer {target.offer_id} is not in the recipe"
        return Refusal(Reason.UNKNOWN_OFFER, detail, target, _known_affiliate(target, records))
    campaign = records.campaign(target.campaign_id)
    if campaign is None:
        detail = f"campaign {target.campaign_id} is not in the recipe"
        return Refusal(Reason.UNKNOWN_CAMPAIGN, detail, target)
    named = campaign
    if offer.status is OfferStatus.INACTIVE:
        default = _default_pair(records, defaults)
        if default is None:
            detail = f"offer {offer.offer_id} is inactive"
            return Refusal(Reason.INACTIVE_OFFER, detail, target, named.affiliate_id)
        offer, campaign = default
        if campaign.is_blocked:
            return structs.replace(blocked_by(campaign), target=target, affiliate_id=named.affiliate_id)
    # Whoever may send no clicks may not send them to the default campaign either.
    if named.is_blocked:
        return structs.replace(blocked_by(named), target=target, affiliate_id=named.affiliate_id)
    return offer, campaign


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


def refused_click(refusal: Refusal, request: ClickRequest, country: str | None, now_ms: int) -> RefusedClick:
    """Return what staff get to see of a refused click; `country` is the visitor's."""
    target = refusal.target
    return RefusedClick(
        at_ms=now_ms,
        reason=refusal.reason.value,
        detail=refusal.detail[:SHOWN_CHARACTERS],
        referer=request.referer[:SHOWN_CHARACTERS],
        country=country,
        token=request.ad[:SHOWN_CHARACTERS],
        offer_id=target.offer_id if target else None,
        campaign_id=target.campaign_id if target else None,
        affiliate_id=refusal.affiliate_id,
    )


def _known_affiliate(target: AdTarget, records: RecordSource) -> int | None:
    """Return whose campaign it is, if that is in memory: for a refusal, Redis is not asked once more."""
    try:
        campaign = records.campaign(target.campaign_id)
    except CacheMiss:
        return None
    return campaign.affiliate_id if campaign else None


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
