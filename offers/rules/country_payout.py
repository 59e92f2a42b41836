"""An offer may pay other amounts for visitors from some countries."""

from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import Rule, Varies
from offers.rules.common.sentences import listed, visitor_from
from offers.rules.common.verdict import ClickContext, Passed, Stay
from recipes.records.parts import CountryPayout
from recipes.records.records import Campaign, Offer

REDIRECT_TYPE = RedirectType.COUNTRY_PAYOUT.value
NO_PAYOUTS = Passed("the offer has no payout per country")
NOT_LISTED = Passed("no payout is for the visitor's country")


def decide(context: ClickContext) -> Stay | Passed:
    """Keep the click on the offer's own page, with the amounts of the visitor's country."""
    if not context.offer.country_payouts:
        return NO_PAYOUTS
    country = context.visitor.geo.country
    payout = payout_for(context.offer, country)
    if payout is None:
        return NOT_LISTED
    reason = f"{REDIRECT_TYPE}: for {country}"
    return Stay(REDIRECT_TYPE, reason, payin=payout.payin, payout=payout.payout)


def payout_for(offer: Offer, country: str | None) -> CountryPayout | None:
    """Return an offer's own amounts for a country, None if it has none."""
    return None if country is None else offer.country_payouts.get(country)


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
    countries = listed(sorted(payouts))
    return (
        f"Offer {context.offer.offer_id} has payouts of their own for {countries}; {visitor_from(context)}."
    )


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return bool(context.offer.country_payouts)


RULE = Rule("payout per country", "Payout per country", decide, inputs, varies_by, describe, is_set_up)
