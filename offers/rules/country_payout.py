"""An offer may pay other amounts for visitors from some countries."""

from offers.rules.common.description import Description, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import Rule, Varies
from offers.rules.common.sentences import amount, listed, visitor_from
from offers.rules.common.verdict import ClickContext, Passed, Stay
from recipes.records.records import Campaign, Offer

REDIRECT_TYPE = RedirectType.COUNTRY_PAYOUT.value
NO_PAYOUTS = Passed("the offer has no payout per country")
NOT_LISTED = Passed("no payout is for the visitor's country")


def decide(context: ClickContext) -> Stay | Passed:
    """Keep the click on the offer's own page, with the amounts of the visitor's country."""
    if not context.offer.country_payouts:
        return NO_PAYOUTS
    country = context.visitor.geo.country
    payout = context.offer.payout_in(country)
    if payout is None:
        return NOT_LISTED
    reason = f"{REDIRECT_TYPE}: for {country}"
    return Stay(REDIRECT_TYPE, reason, payin=payout.payin, payout=payout.payout)


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace."""
    return {
        "country": context.visitor.geo.country,
        "payouts": {
            country: {"payIn": payout.payin, "payOut": payout.payout}
            for country, payout in context.offer.country_payouts.items()
        },
    }


def varies_by(offer: Offer, _: Campaign) -> Varies:
    """The countries that have a payout of their own."""
    return {"country": frozenset(offer.country_payouts)}


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    payouts = context.offer.country_payouts
    if not payouts:
        return f"Offer {context.offer.offer_id} pays the same for all countries."
    countries, visitor = listed(sorted(payouts)), visitor_from(context.visitor.geo.country)
    return f"Offer {context.offer.offer_id} has payouts of their own for {countries}; {visitor}."


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return bool(context.offer.country_payouts)


def describe_offer(offer: Offer, _: int) -> Description:
    """List the amounts of the countries that have their own."""
    if not offer.country_payouts:
        return off("It pays the same for every country.")
    lines = []
    for country, payout in sorted(offer.country_payouts.items()):
        payin = offer.payin if payout.payin is None else payout.payin
        paid = "the usual payout" if payout.payout is None else f"payout {amount(payout.payout)}"
        lines.append((f"{country}: payin {amount(payin)}, {paid}",))
    return Description(tuple(lines))


RULE = Rule(
    "payout per country",
    "Payout per country",
    decide,
    inputs,
    varies_by,
    describe,
    is_set_up,
    describe_offer,
)
