"""An aggregated offer hands its clicks to one of its candidates."""

from offers.rules.common.caps import is_over_cap
from offers.rules.common.description import Description, Line, OfferRef, closed, exit_of, off
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import NOTHING, OTHER_RECORDS, Rule, Varies
from offers.rules.common.sentences import listed, visitor_from
from offers.rules.common.verdict import ClickContext, Exit, Passed, Pick
from recipes.records.parts import Candidate
from recipes.records.records import CLOSED_STATUSES, Campaign, Offer, OfferType
from recipes.records.restrictions import CANDIDATES

REDIRECT_TYPE = RedirectType.BEST_OF_AGGREGATED.value
NONE_OPEN = RedirectType.NONE_OF_AGGREGATED.value
REGULAR = Passed("the offer is not aggregated")


def decide(context: ClickContext) -> Pick | Exit | Passed:
    """Leave it to the driver to pick a candidate: whether one is open stands in its own live record."""
    offer = context.offer
    if offer.type is not OfferType.AGGREGATED:
        return REGULAR
    if CANDIDATES in offer.unreadable:
        reason = f"{NONE_OPEN}: the offer's candidates cannot be read"
        return Exit(NONE_OPEN, reason, offer.exit_offer_id)
    return Pick(
        redirect_type=REDIRECT_TYPE,
        reason=f"{REDIRECT_TYPE}: each of {len(offer.candidates)} candidates is asked of its own record",
        otherwise=Exit(NONE_OPEN, f"{NONE_OPEN}: no candidate is open", offer.exit_offer_id),
    )


def closed_by_row(candidate: Candidate, country: str | None) -> str | None:
    """Return why the aggregated offer's row closes a candidate to `country`; None if it does not."""
    if candidate.closed_by is not None:
        return candidate.closed_by
    if country is not None and country in candidate.countries_restricted:
        return f"it restricts {country}"
    return None


def closed_by_record(offer: Offer | None, country: str | None, now_ms: int) -> str | None:
    """Return why the candidate's own record closes it to `country` at `now_ms`; None if it is open.

    A restriction that is set and cannot be read closes it, too.
    """
    if offer is None:
        return "its offer is unknown"
    if offer.status in CLOSED_STATUSES:
        return f"its status is {offer.status.value}"
    if offer.landing_page is None and offer.type is OfferType.REGULAR:
        return "it has no landing page"
    if offer.unreadable:
        return f"cannot be read: its {', '.join(sorted(offer.unreadable))}"
    if offer.dates is not None and offer.dates.passed(now_ms) is False:
        return "it is outside its dates"
    if country is not None and country in offer.countries_restricted:
        return f"it restricts {country}"
    if is_over_cap(offer, now_ms):
        return "it is over its cap"
    return None


def inputs(context: ClickContext) -> dict[str, object]:
    """Return the values that the rule decides by, for a trace."""
    country = context.visitor.geo.country
    return {
        "type": context.offer.type.value,
        "country": country,
        "candidates": {
            str(found.offer_id): closed_by_row(found, country) or "asked of its own record"
            for found in context.offer.candidates
        },
    }


def varies_by(offer: Offer, _: Campaign) -> Varies:
    """Other records: which candidate takes the click depends on them, and on whose turn it is."""
    return {OTHER_RECORDS: None} if offer.type is OfferType.AGGREGATED else NOTHING


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    offer, country = context.offer, context.visitor.geo.country
    if offer.type is not OfferType.AGGREGATED:
        return f"Offer {offer.offer_id} is a regular offer."
    if not offer.candidates:
        return f"Offer {offer.offer_id} is aggregated, and has no candidates."
    if CANDIDATES in offer.unreadable:
        return f"Offer {offer.offer_id} is aggregated, and its candidates cannot be read."
    seen = (
        f"{c.offer_id} ({closed})" if (closed := closed_by_row(c, country)) else str(c.offer_id)
        for c in offer.candidates
    )
    return (
        f"Offer {offer.offer_id} is aggregated, and {visitor_from(country)}. Its candidates: {listed(seen)}. "
        "Each is open where its own record is."
    )


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return context.offer.type is OfferType.AGGREGATED


def describe_offer(offer: Offer, _: int) -> Description:
    """List the candidates, and say which of them the offer's own rows close."""
    if offer.type is not OfferType.AGGREGATED:
        return off("It is a regular offer, with a page of its own.")
    if CANDIDATES in offer.unreadable:
        return closed("Its candidates", exit_of(offer))
    lines: list[Line] = [("Clicks are shared equally among its open candidates:",)]
    for found in offer.candidates:
        why = found.closed_by or ""
        if found.countries_restricted:
            why = f"{why}; " if why else ""
            why += f"not for {listed(sorted(found.countries_restricted))}"
        # A row that closes nothing says little: the candidate's own record decides at every click.
        lines.append((OfferRef(found.offer_id), f" ({why or 'open while its own record is'})"))
    lines.append(("Where none is open, clicks exit to ", *exit_of(offer), "."))
    return Description(tuple(lines))


RULE = Rule("aggregated", "Aggregated", decide, inputs, varies_by, describe, is_set_up, describe_offer)
