"""An offer may refuse visitors from some countries."""

from offers.rules.verdict import Asked, Exit, Passed

REDIRECT_TYPE = "offerGeoRestriction"
NO_RESTRICTION = Passed("the offer restricts no country")
COUNTRY_UNKNOWN = Passed("the visitor's country is unknown")
NOT_LISTED = Passed("the visitor's country is not restricted")


def decide(asked: Asked) -> Exit | Passed:
    """Out, when the visitor's country is on the list, or the list cannot be read."""
    restricted = asked.offer.countries_restricted
    if "countries" in asked.offer.unreadable:
        return _exit(asked, "the offer's restricted countries cannot be read")
    if not restricted:
        return NO_RESTRICTION
    country = asked.visitor.geo.country
    if country is None:
        return COUNTRY_UNKNOWN
    if country not in restricted:
        return NOT_LISTED
    return _exit(asked, f"{country} is restricted")


def _exit(asked: Asked, why: str) -> Exit:
    reason = f"{REDIRECT_TYPE}: {why}"
    return Exit(REDIRECT_TYPE, reason, asked.offer.exit_offer_id, nested=True)


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by."""
    unreadable = "countries" in asked.offer.unreadable
    return {
        "country": asked.visitor.geo.country,
        "countriesRestrictions": "cannot be read" if unreadable else sorted(asked.offer.countries_restricted),
    }
