"""An aggregated offer hands its clicks to one of its candidates."""

from offers.record_parts import Candidate
from offers.records import Offer, OfferType
from offers.rules.verdicts import Asked, Exit, Passed, Pick

REDIRECT_TYPE = "offerAggregatedBestOffer"
REGULAR = Passed("the offer is not aggregated")


def decide(asked: Asked) -> Pick | Passed:
    """The candidates open to this visitor; whether their offers exist is for the driver to see."""
    offer = asked.offer
    if offer.type is not OfferType.AGGREGATED:
        return REGULAR
    candidates = open_candidates(offer, asked.visitor.geo.country)
    return Pick(
        redirect_type=REDIRECT_TYPE,
        reason=f"{REDIRECT_TYPE}: {len(candidates)} of {len(offer.candidates)} candidates are open",
        candidates=candidates,
        otherwise=Exit(
            "offerAggregatedExitTrafficToRegularOffer",
            "offerAggregatedExitTrafficToRegularOffer: no candidate is open",
            offer.exit_offer_id,
        ),
    )


def open_candidates(offer: Offer, country: str | None) -> tuple[Candidate, ...]:
    """Those of an aggregated offer's candidates that may take a click from `country`."""
    return tuple(found for found in offer.candidates if closed_because(found, country) is None)


def closed_because(candidate: Candidate, country: str | None) -> str | None:
    """Why the candidate may not take a click from `country`; None when it may."""
    if candidate.closed_by is not None:
        return candidate.closed_by
    if country is not None and country in candidate.countries_restricted:
        return f"it restricts {country}"
    return None


def looks_at(asked: Asked) -> dict[str, object]:
    """What the rule decides by."""
    country = asked.visitor.geo.country
    return {
        "type": asked.offer.type.value,
        "country": country,
        "candidates": {
            str(found.offer_id): closed_because(found, country) or "open" for found in asked.offer.candidates
        },
    }
