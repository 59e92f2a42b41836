"""An offer may refuse visitors from some countries."""

from offers.rules.verdicts import Asked, Exit, Passed

REDIRECT_TYPE = "offerGeoRestriction"
NO_RESTRICTION = Passed("the offer restricts no country")
COUNTRY_UNKNOWN = Passed("the visitor's country is unknown")
NOT_LISTED = Passed("the visitor's country is not restricted")


def decide(asked: Asked) -> Exit | Passed:
    """Out, when the visitor's country is on the list."""
    restricted = asked.offer.countries_restricted
    if not restricted:
        return NO_RESTRICTION
    country = asked.visitor.geo.country
    if country is None:
        return COUNTRY_UNKNOWN
    if country not in restricted:
        return NOT_LISTED
    reason = f"{REDIRECT_TYPE}: {country} is restricted"
    return Exit(REDIRECT_TYPE, reason, asked.offer.exit_offer_id, nested=True)


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by."""
    return {
        "country": asked.visitor.geo.country,
        "countriesRestrictions": sorted(asked.offer.countries_restricted),
    }
