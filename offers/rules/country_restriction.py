"""An offer may refuse visitors from some countries."""

from offers.rules.common.description import Description, closed, exit_of, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import Rule, Varies
from offers.rules.common.sentences import listed, visitor_from
from offers.rules.common.verdict import ClickContext, Exit, Passed
from recipes.records.records import Campaign, Offer
from recipes.records.restrictions import COUNTRIES

REDIRECT_TYPE = RedirectType.COUNTRY_RESTRICTED.value
NO_RESTRICTION = Passed("the offer restricts no country")
COUNTRY_UNKNOWN = Passed("the visitor's country is unknown")
NOT_LISTED = Passed("the visitor's country is not restricted")


def decide(context: ClickContext) -> Exit | Passed:
    """Send to the exit offer if the visitor's country is on the list, or the list cannot be read."""
    restricted = context.offer.countries_restricted
    if COUNTRIES in context.offer.unreadable:
        return _exit(context, "the offer's restricted countries cannot be read")
    if not restricted:
        return NO_RESTRICTION
    country = context.visitor.geo.country
    if country is None:
        return COUNTRY_UNKNOWN
    if country not in restricted:
        return NOT_LISTED
    return _exit(context, f"{country} is restricted")


def _exit(context: ClickContext, why: str) -> Exit:
    reason = f"{REDIRECT_TYPE}: {why}"
    return Exit(REDIRECT_TYPE, reason, context.offer.exit_offer_id, nested=True)


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace."""
    unreadable = COUNTRIES in context.offer.unreadable
    return {
        "country": context.visitor.geo.country,
        "countriesRestrictions": "cannot be read"
        if unreadable
        else sorted(context.offer.countries_restricted),
    }


def varies_by(offer: Offer, _: Campaign) -> Varies:
    """The restricted countries."""
    return {"country": offer.countries_restricted}


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    restricted = context.offer.countries_restricted
    if COUNTRIES in context.offer.unreadable:
        return f"The countries that offer {context.offer.offer_id} restricts cannot be read, which closes it."
    if not restricted:
        return f"Offer {context.offer.offer_id} restricts no country."
    visitor = visitor_from(context.visitor.geo.country)
    return f"Offer {context.offer.offer_id} restricts {listed(sorted(restricted))}; {visitor}."


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return bool(context.offer.countries_restricted) or COUNTRIES in context.offer.unreadable


def describe_offer(offer: Offer, _: int) -> Description:
    """Say which visitors may not have the offer."""
    if COUNTRIES in offer.unreadable:
        return closed("The countries that it restricts", exit_of(offer))
    if not offer.countries_restricted:
        return off("Visitors from every country may have it.")
    countries = listed(sorted(offer.countries_restricted), most=50)
    return Description(((f"Visitors from {countries} exit to ", *exit_of(offer), "."),))


RULE = Rule(
    "country restriction",
    "Country restricted",
    decide,
    inputs,
    varies_by,
    describe,
    is_set_up,
    describe_offer,
)
