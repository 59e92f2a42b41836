"""An offer may be capped."""

from offers.rules.common.caps import caps_are_off, caps_inputs, over_its_cap
from offers.rules.common.description import Description, Line, OfferRef, capped, closed, exit_of, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import ALL_TIME, NOTHING, Rule, Varies
from offers.rules.common.sentences import describe_caps
from offers.rules.common.verdict import ClickContext, Exit, Passed, Stay
from recipes.records.parts import Caps
from recipes.records.records import Campaign, Offer
from recipes.records.restrictions import CAPS

OVER_LIMIT = RedirectType.OFFER_OVER_CAP.value
UNDER_LIMIT = RedirectType.OFFER_UNDER_CAP.value
NO_CAPS = Passed("the offer has no caps")
OUT_OF_DATES = Passed("the offer's caps are off: outside their dates", "offerDataRangeNotPass")
WITHIN = Passed("the offer's caps ask for nothing")


def decide(context: ClickContext) -> Exit | Stay | Passed:
    """Over its limit: send to the offer that the caps name, else to the exit offer. Under: pay by country."""
    caps = context.offer.caps
    if CAPS in context.offer.unreadable:
        return _exit(context, caps, f"{OVER_LIMIT}: the offer's caps cannot be read")
    if caps is None:
        return NO_CAPS
    if caps_are_off(caps, context.now_ms):
        return OUT_OF_DATES
    if caps.over_limit:
        # The record's own reason was written when it was not over this limit.
        live = f"{OVER_LIMIT}: {over_its_cap('the offer', caps)}" if caps.closed_by else ""
        return _exit(context, caps, live)
    if not caps.under_limit:
        return WITHIN
    payout = context.offer.payout_in(context.visitor.geo.country)
    return Stay(
        UNDER_LIMIT,
        f"{UNDER_LIMIT}: the offer is under its cap",
        payin=payout.payin if payout else None,
        payout=payout.payout if payout else None,
        caps_type=_caps_type(caps, "Under", UNDER_LIMIT),
    )


def _exit(context: ClickContext, caps: Caps | None, reason: str) -> Exit:
    offer = context.offer
    named = caps.redirect_offer_id if caps else 0
    # Caps that name the offer which they close name nobody.
    target = offer.exit_offer_id if named in (0, offer.offer_id) else named
    return Exit(
        offer.caps_redirect_type or OVER_LIMIT,
        reason or offer.caps_redirect_reason or f"{OVER_LIMIT}: the offer is over its cap",
        target,
        nested=target == offer.exit_offer_id,
        caps_type=_caps_type(caps, "Over", OVER_LIMIT),
        keeps_type=offer.caps_redirect_type is not None,
    )


def _caps_type(caps: Caps | None, word: str, usual: str) -> str:
    """Return the file's caps type if it agrees with what the rule decided, else the rule's own.

    co-recipe names one of two limits: an offer can be over its clicks limit and called "under" for its sales.
    """
    named = caps.caps_type if caps else None
    return named if named is not None and word in named else usual


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace."""
    if CAPS in context.offer.unreadable:
        return {"caps": "cannot be read"}
    return caps_inputs(context.offer.caps, context.now_ms)


def varies_by(offer: Offer, _: Campaign) -> Varies:
    """The clock, if the caps have dates; under a limit, the countries that have a payout of their own."""
    if offer.caps is None:
        return NOTHING
    return ALL_TIME if offer.caps.dates is not None else {"country": frozenset(offer.country_payouts)}


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    offer = context.offer
    if CAPS in offer.unreadable:
        return f"The caps of offer {offer.offer_id} cannot be read, which counts as over its cap."
    return describe_caps(f"Offer {offer.offer_id}", offer.caps, context.now_ms)


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return context.offer.caps is not None or CAPS in context.offer.unreadable


def describe_offer(offer: Offer, now_ms: int) -> Description:
    """Say where the offer's clicks go over and under its limits, and how it stands."""
    caps = offer.caps
    if CAPS in offer.unreadable:
        return closed("Its caps", exit_of(offer))
    if caps is None:
        return off("It has no caps.")
    named = caps.redirect_offer_id
    over = exit_of(offer) if named in (0, offer.offer_id) else (OfferRef(named),)
    lines: list[Line] = [
        ("Over a limit, clicks exit to ", *over, "."),
        ("Under its limits, clicks stay, paid by country where a payout fits.",),
    ]
    if offer.detected_exit_id:
        first = ("Along its exit chain, the first offer that is not over its cap is ",)
        lines.append((*first, OfferRef(offer.detected_exit_id), "."))
    return capped(caps, now_ms, lines)


RULE = Rule("offer caps", "Offer caps", decide, inputs, varies_by, describe, is_set_up, describe_offer)
