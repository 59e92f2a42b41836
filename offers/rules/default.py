"""Where no rule decided, the click goes to its offer's own landing page."""

from offers.rules.verdict import ClickContext, Stay

OWN_PAGE = Stay("defaultRedirection", "defaultRedirection: no rule decided")


def decide(context: ClickContext) -> Stay:  # noqa: ARG001 - every rule is asked alike
    """Always the own page."""
    return OWN_PAGE


def inputs(context: ClickContext) -> dict[str, object]:
    """What the rule decides by: only where the offer's page is."""
    return {"landingPageUrl": context.offer.landing_page.text if context.offer.landing_page else None}
