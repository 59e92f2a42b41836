"""Where no rule decided, the click goes to its offer's own landing page."""

from offers.rules.verdict import Asked, Stay

OWN_PAGE = Stay("defaultRedirection", "defaultRedirection: no rule decided")


def decide(asked: Asked) -> Stay:  # noqa: ARG001 - every rule is asked alike
    """Always the own page."""
    return OWN_PAGE


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by: only where the offer's page is."""
    return {"landingPageUrl": asked.offer.landing_page.text if asked.offer.landing_page else None}
