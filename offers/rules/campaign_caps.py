"""A campaign may be capped."""

from offers.record_parts import Caps
from offers.rules.verdicts import Asked, Exit, Passed

NO_CAPS = Passed("the campaign has no caps")
OUT_OF_DATES = Passed("the campaign's caps are off: outside their dates", "capsCampaignDataRangeNotPass")
WITHIN = Passed("the campaign's caps ask for nothing")


def decide(asked: Asked) -> Exit | Passed:
    """Over limit: to the exit offer. Under limit: to the offer that the caps name, where they name one."""
    caps = asked.campaign.caps
    if caps is None:
        return NO_CAPS
    if caps_are_off(caps, asked.now_ms):
        return OUT_OF_DATES
    if caps.over_limit:
        kind = "capsCampaignOverLimit"
        return Exit(
            kind,
            f"{kind}: the campaign is over its cap",
            asked.offer.exit_offer_id,
            nested=True,
            caps_type=caps.caps_type or kind,
        )
    if caps.under_limit:
        kind = "capsCampaignUnderLimit"
        if caps.redirect_offer_id == 0:
            return Passed("the campaign is under its cap, and its caps name no offer", caps.caps_type or kind)
        reason = f"{kind}: the campaign is under its cap"
        return Exit(kind, reason, caps.redirect_offer_id, caps_type=caps.caps_type or kind)
    return WITHIN


def caps_are_off(caps: Caps, now_ms: int) -> bool:
    """Whether the caps have dates and `now_ms` is known to be outside them."""
    return caps.dates is not None and caps.dates.passed(now_ms) is False


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by."""
    return caps_seen(asked.campaign.caps, asked.now_ms)


def caps_seen(caps: Caps | None, now_ms: int) -> dict[str, object]:
    """The part of `capInfo` that decides."""
    if caps is None:
        return {"caps": None}
    return {
        "overLimit": caps.over_limit,
        "underLimit": caps.under_limit,
        "datesPassed": None if caps.dates is None else caps.dates.passed(now_ms),
        "redirectOfferId": caps.redirect_offer_id or None,
        "capsType": caps.caps_type,
    }
