"""What the rules of caps share: whether caps are off, whether an offer is over its cap, and their inputs."""

from recipes.records.parts import Caps
from recipes.records.records import Offer
from recipes.records.restrictions import CAPS


def caps_are_off(caps: Caps, now_ms: int) -> bool:
    """Return whether the caps have dates and `now_ms` is certainly outside them."""
    return caps.dates is not None and caps.dates.passed(now_ms) is False


def is_over_cap(offer: Offer, now_ms: int) -> bool:
    """Return whether the offer's caps keep every click away: over a limit, or unreadable."""
    caps = offer.caps
    if caps is not None and caps.over_limit and not caps_are_off(caps, now_ms):
        return True
    return CAPS in offer.unreadable


def over_its_cap(who: str, caps: Caps) -> str:
    """Say that an offer or campaign is over its cap, and which live count closed it, if one did."""
    return f"{who} is over its cap: {caps.closed_by}" if caps.closed_by else f"{who} is over its cap"


def caps_inputs(caps: Caps | None, now_ms: int) -> dict[str, object]:
    """Return the part of `capInfo` that decides, for a trace."""
    if caps is None:
        return {"caps": None}
    live = {"closedLive": caps.closed_by or None} if caps.counted_as else {}
    return {
        "overLimit": caps.over_limit,
        "underLimit": caps.under_limit,
        "datesPassed": None if caps.dates is None else caps.dates.passed(now_ms),
        "redirectOfferId": caps.redirect_offer_id or None,
        "capsType": caps.caps_type,
        **live,
    }
