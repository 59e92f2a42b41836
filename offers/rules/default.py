"""Where no rule decided, the click goes to its offer's own landing page."""

from offers.rules.common.description import Description, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import NOTHING, Rule, Varies
from offers.rules.common.verdict import ClickContext, Stay
from recipes.records.records import Campaign, Offer

REDIRECT_TYPE = RedirectType.DEFAULT.value
OWN_PAGE = Stay(REDIRECT_TYPE, f"{REDIRECT_TYPE}: no rule decided")


def decide(_: ClickContext) -> Stay:
    """Keep the click on the offer's own page, always."""
    return OWN_PAGE


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the address of the offer's page, the only thing that the rule looks at."""
    return {"landingPageUrl": context.offer.landing_page.text if context.offer.landing_page else None}


def varies_by(_: Offer, __: Campaign) -> Varies:
    """Nothing: every click gets the same verdict."""
    return NOTHING


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    page = context.offer.landing_page
    where = page.text if page else "missing, or cannot be used"
    return f"The landing page of offer {context.offer.offer_id} is {where}."


def is_set_up(_: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return True


def describe_offer(offer: Offer, _: int) -> Description:
    """Show the offer's own page."""
    if offer.landing_page is None:
        return off("It has no page that can be used: clicks that stay go to the default offer's page.")
    return Description(((offer.landing_page.text,),))


RULE = Rule("default", "Default", decide, inputs, varies_by, describe, is_set_up, describe_offer)
