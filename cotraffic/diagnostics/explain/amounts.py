"""Explains where a decision's amounts come from; `offers/routing/routing.py` computes them."""

from decimal import Decimal

from cotraffic.diagnostics.explain.result import Amount, Named
from offers.routing.decision import Decision
from offers.rules.common.verdict import ClickContext, Exit, Pick, Stay
from recipes.records.records import ZERO, Offer

PER_COUNTRY = "customPayOutPerGeo"


def amounts(context: ClickContext, decision: Decision, verdict: Stay | Exit | Pick) -> tuple[Amount, Amount]:
    """Return payIn and payOut of a decision that `verdict` led to, each with its origin."""
    if isinstance(verdict, Stay):
        return _staying(context, verdict)
    if decision.offer is None:
        nobody = Amount(ZERO, "no offer is left that can take the click")
        return nobody, nobody
    return _exiting(decision.offer, context.visitor.geo.country)


def _staying(context: ClickContext, stay: Stay) -> tuple[Amount, Amount]:
    offer, campaign = context.offer, context.campaign
    country = context.visitor.geo.country
    payin = _of_offer(offer, "payin") if stay.payin is None else _of_row(offer, stay.payin, country, "payIn")
    if stay.payout is not None:
        return payin, _of_row(offer, stay.payout, country, "payOut")
    if campaign.payout > ZERO:
        source = Named("campaigns", campaign.campaign_id, campaign.name or "")
        return payin, Amount(campaign.payout, f"of campaign {campaign.campaign_id}", source, "payout")
    return payin, _of_offer(offer, "payout", f"; campaign {campaign.campaign_id} has none of its own")


def _exiting(offer: Offer, country: str | None) -> tuple[Amount, Amount]:
    special = offer.payout_in(country)
    why = ", which takes the click"
    if special is None:
        return _of_offer(offer, "payin", why), _of_offer(offer, "payout", why)
    return (
        _of_offer(offer, "payin", why)
        if special.payin is None
        else _of_row(offer, special.payin, country, "payIn"),
        _of_offer(offer, "payout", why)
        if special.payout is None
        else _of_row(offer, special.payout, country, "payOut"),
    )


def _of_offer(offer: Offer, field: str, why: str = "") -> Amount:
    words = f"of offer {offer.offer_id}{why}"
    return Amount(getattr(offer, field), words, Named("offers", offer.offer_id, offer.name or ""), field)


def _of_row(offer: Offer, value: Decimal, country: str | None, name: str) -> Amount:
    source = Named("offers", offer.offer_id, offer.name or "")
    words = f"of the payout per country of offer {offer.offer_id}, row {country}"
    return Amount(value, words, source, f"{PER_COUNTRY}.{name}")
