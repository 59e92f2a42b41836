"""An offer may have a landing page of its own for a country."""

from offers.rules.common.description import Description, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import Rule, Varies
from offers.rules.common.sentences import listed, visitor_from
from offers.rules.common.verdict import ClickContext, Passed, Stay
from recipes.records.records import Campaign, Offer

REDIRECT_TYPE = RedirectType.CUSTOM_PAGE.value
NO_PAGES = Passed("the offer has no custom landing pages")
COUNTRY_UNKNOWN = Passed("the visitor's country is unknown")
NOT_LISTED = Passed("no custom landing page is for the visitor's country")


def decide(context: ClickContext) -> Stay | Passed:
    """Show the page for the visitor's country; the offer keeps the click."""
    pages = context.offer.custom_pages
    if not pages:
        return NO_PAGES
    country = context.visitor.geo.country
    if country is None:
        return COUNTRY_UNKNOWN
    custom = pages.get(country)
    if custom is None:
        return NOT_LISTED
    return Stay(REDIRECT_TYPE, f"{REDIRECT_TYPE}: for {country}", page=custom.page, page_id=custom.page_id)


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace."""
    return {
        "country": context.visitor.geo.country,
        "pages": {country: custom.page.text for country, custom in context.offer.custom_pages.items()},
    }


def varies_by(offer: Offer, _: Campaign) -> Varies:
    """The countries that have a page of their own."""
    return {"country": frozenset(offer.custom_pages)}


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    pages = context.offer.custom_pages
    if not pages:
        return f"Offer {context.offer.offer_id} has one landing page for all countries."
    countries, visitor = listed(sorted(pages)), visitor_from(context.visitor.geo.country)
    return f"Offer {context.offer.offer_id} has pages of their own for {countries}; {visitor}."


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return bool(context.offer.custom_pages)


def describe_offer(offer: Offer, _: int) -> Description:
    """List the countries that have a page of their own."""
    if not offer.custom_pages:
        return off("No country has a page of its own.")
    pages = sorted(offer.custom_pages.items())
    return Description(tuple((f"{country}: {page.page.text}",) for country, page in pages))


RULE = Rule(
    "custom landing page",
    "Custom landing page",
    decide,
    inputs,
    varies_by,
    describe,
    is_set_up,
    describe_offer,
)
