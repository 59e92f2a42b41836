"""An offer may be capped."""

from offers.record_parts import Caps
from offers.rules import country_payout
from offers.rules.campaign_caps import caps_are_off, caps_seen
from offers.rules.verdicts import Asked, Exit, Passed, Stay

OVER_LIMIT = "capsOfferOverLimit"
UNDER_LIMIT = "capsOfferUnderLimit"
NO_CAPS = Passed("the offer has no caps")
OUT_OF_DATES = Passed("the offer's caps are off: outside their dates", "offerDataRangeNotPass")
WITHIN = Passed("the offer's caps ask for nothing")


def decide(asked: Asked) -> Exit | Stay | Passed:
    """Over limit: to the offer that the caps name, else the exit offer. Under limit: paid by country."""
    caps = asked.offer.caps
    if caps is None:
        return NO_CAPS
    if caps_are_off(caps, asked.now_ms):
        return OUT_OF_DATES
    if caps.over_limit:
        return _exit(asked, caps)
    if not caps.under_limit:
        return WITHIN
    payout = country_payout.payout_for(asked.offer, asked.visitor.geo.country)
    return Stay(
        UNDER_LIMIT,
        f"{UNDER_LIMIT}: the offer is under its cap",
        payin=payout.payin if payout else None,
        payout=payout.payout if payout else None,
        caps_type=caps.caps_type or UNDER_LIMIT,
    )


def _exit(asked: Asked, caps: Caps) -> Exit:
    offer = asked.offer
    target = caps.redirect_offer_id or offer.exit_offer_id
    return Exit(
        offer.caps_redirect_type or OVER_LIMIT,
        offer.caps_redirect_reason or f"{OVER_LIMIT}: the offer is over its cap",
        target,
        nested=caps.is_exit_traffic or target == offer.exit_offer_id,
        caps_type=caps.caps_type or OVER_LIMIT,
        keeps_type=offer.caps_redirect_type is not None,
    )


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by."""
    return caps_seen(asked.offer.caps, asked.now_ms)
