"""What each rule looks at, in the words of people who make offers; for staff, never in a click's way."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from offers.rules import ClickContext, Rule
from offers.rules.aggregated import closed_by_row
from offers.rules.target import VALUES
from recipes.records.parts import Caps, DateRange
from recipes.records.records import OfferType
from recipes.records.target_rules import RuleSet

MOST_LISTED = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TITLES = {
    Rule.AGGREGATED: "Aggregated",
    Rule.DATES: "Dates",
    Rule.COUNTRY_RESTRICTION: "Country restricted",
    Rule.CUSTOM_PAGE: "Custom landing page",
    Rule.CAMPAIGN_CAPS: "Campaign caps",
    Rule.OFFER_CAPS: "Offer caps",
    Rule.COUNTRY_PAYOUT: "Payout per country",
    Rule.TARGET: "Target rules",
    Rule.DEFAULT: "Default",
}


def looked_at(rule: Rule, context: ClickContext) -> str:
    """What a rule decides this click by, in one or two sentences."""
    return _WORDS[rule](context)


def is_set_up(rule: Rule, context: ClickContext) -> bool:
    """Whether offer or campaign have anything for a rule to decide by."""
    return bool(_SET_UP[rule](context))


def instant(at_ms: int) -> str:
    """A moment in words, in UTC; a year that no calendar has is given in milliseconds."""
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def amount(value: Decimal) -> str:
    """An amount without the noughts that say nothing."""
    return f"{value.normalize():f}"


def listed(words: Iterable[str], last: str = "and", most: int = MOST_LISTED) -> str:
    """Words as a list in a sentence; of too many only how many more there are."""
    found = list(words)
    if len(found) > most:
        found = [*found[:most], f"{len(found) - most:,} more"]
    return f" {last} ".join(filter(None, (", ".join(found[:-1]), found[-1]))) if found else "none"


def dates_in_words(dates: DateRange) -> str:
    """From when until when; where a date cannot be used, what counts instead."""
    if dates.start_ms is not None and dates.end_ms is not None:
        return f"from {instant(dates.start_ms)} to {instant(dates.end_ms)}"
    if dates.frozen_pass is not None:
        verdict = "inside" if dates.frozen_pass else "outside"
        return f"between dates of which one cannot be used, so what the recipe says counts ({verdict})"
    if dates.start_ms is not None:
        return f"from {instant(dates.start_ms)} on"
    return "between dates that are not given" if dates.end_ms is None else f"until {instant(dates.end_ms)}"


def target_rules_in_words(rule_set: RuleSet) -> Iterator[str]:
    """Each group of a rule set's conditions, any of which sends a click away."""
    for rule in rule_set.rules:
        word = "is" if rule.include else "is not"
        for group in rule.groups:
            yield " and ".join(f"{c.dimension} {word} {listed(sorted(c.values), 'or')}" for c in group)


def _from(context: ClickContext) -> str:
    country = context.visitor.geo.country
    return f"the visitor is from {country}" if country else "the visitor's country is unknown"


def _aggregated(context: ClickContext) -> str:
    offer, country = context.offer, context.visitor.geo.country
    if offer.type is not OfferType.AGGREGATED:
        return f"Offer {offer.offer_id} is a regular offer."
    if not offer.candidates:
        return f"Offer {offer.offer_id} is aggregated, and has no candidates."
    if "candidates" in offer.unreadable:
        return f"Offer {offer.offer_id} is aggregated, and its candidates cannot be read."
    seen = (
        f"{c.offer_id} ({closed})" if (closed := closed_by_row(c, country)) else str(c.offer_id)
        for c in offer.candidates
    )
    return (
        f"Offer {offer.offer_id} is aggregated, and {_from(context)}. Its candidates: {listed(seen)}. "
        "Each is open where its own record is."
    )


def _dates(context: ClickContext) -> str:
    dates = context.offer.dates
    if "dates" in context.offer.unreadable:
        return f"The dates of offer {context.offer.offer_id} cannot be read, which closes it."
    if dates is None:
        return f"Offer {context.offer.offer_id} has no start and end date."
    at = instant(context.now_ms)
    return f"Offer {context.offer.offer_id} runs {dates_in_words(dates)}; the click is at {at}."


def _country_restriction(context: ClickContext) -> str:
    restricted = context.offer.countries_restricted
    if "countries" in context.offer.unreadable:
        return f"The countries that offer {context.offer.offer_id} restricts cannot be read, which closes it."
    if not restricted:
        return f"Offer {context.offer.offer_id} restricts no country."
    return f"Offer {context.offer.offer_id} restricts {listed(sorted(restricted))}; {_from(context)}."


def _custom_page(context: ClickContext) -> str:
    pages = context.offer.custom_pages
    if not pages:
        return f"Offer {context.offer.offer_id} has one landing page for all countries."
    countries = listed(sorted(pages))
    return f"Offer {context.offer.offer_id} has pages of their own for {countries}; {_from(context)}."


def _campaign_caps(context: ClickContext) -> str:
    campaign = context.campaign
    if "caps" in campaign.unreadable:
        return f"The caps of campaign {campaign.campaign_id} cannot be read, which counts as over its cap."
    return _caps(f"Campaign {campaign.campaign_id}", campaign.caps, context.now_ms)


def _offer_caps(context: ClickContext) -> str:
    offer = context.offer
    if "caps" in offer.unreadable:
        return f"The caps of offer {offer.offer_id} cannot be read, which counts as over its cap."
    return _caps(f"Offer {offer.offer_id}", offer.caps, context.now_ms)


def _caps(who: str, caps: Caps | None, now_ms: int) -> str:
    if caps is None:
        return f"{who} has no caps."
    standing = (
        "over its cap" if caps.over_limit else "under its cap" if caps.under_limit else "not capped now"
    )
    target = f"offer {caps.redirect_offer_id}" if caps.redirect_offer_id else "no offer"
    dates = ""
    if caps.dates is not None:
        outside = caps.dates.passed(now_ms) is False
        dates = (
            f" The caps run {dates_in_words(caps.dates)}: the click is {'outside' if outside else 'inside'}."
        )
    return f"{who} is {standing}; its caps name {target} to go to.{dates}"


def _country_payout(context: ClickContext) -> str:
    payouts = context.offer.country_payouts
    if not payouts:
        return f"Offer {context.offer.offer_id} pays the same for all countries."
    countries = listed(sorted(payouts))
    return f"Offer {context.offer.offer_id} has payouts of their own for {countries}; {_from(context)}."


def _target(context: ClickContext) -> str:
    campaign = context.campaign
    if not campaign.rule_sets:
        return f"Campaign {campaign.campaign_id} has no target rules."
    sets = (
        f"to {f'offer {found.redirect_to}' if found.redirect_to else 'the exit offer'} "
        f"when {listed(target_rules_in_words(found), 'or when', 4)}"
        for found in campaign.rule_sets
    )
    named = {c.dimension for found in campaign.rule_sets for r in found.rules for g in r.groups for c in g}
    values = (f"{name} {_value(VALUES[name](context))}" for name in sorted(named))
    return f"Campaign {campaign.campaign_id} sends {listed(sets, 'and', 4)}. This visitor: {listed(values)}."


def _value(value: object) -> str:
    return "unknown" if value is None else str(value)


def _default(context: ClickContext) -> str:
    page = context.offer.landing_page
    where = page.text if page else "missing, or cannot be used"
    return f"The landing page of offer {context.offer.offer_id} is {where}."


_WORDS: dict[Rule, Callable[[ClickContext], str]] = {
    Rule.AGGREGATED: _aggregated,
    Rule.DATES: _dates,
    Rule.COUNTRY_RESTRICTION: _country_restriction,
    Rule.CUSTOM_PAGE: _custom_page,
    Rule.CAMPAIGN_CAPS: _campaign_caps,
    Rule.OFFER_CAPS: _offer_caps,
    Rule.COUNTRY_PAYOUT: _country_payout,
    Rule.TARGET: _target,
    Rule.DEFAULT: _default,
}
_SET_UP: dict[Rule, Callable[[ClickContext], object]] = {
    Rule.AGGREGATED: lambda context: context.offer.type is OfferType.AGGREGATED,
    Rule.DATES: lambda context: context.offer.dates or "dates" in context.offer.unreadable,
    Rule.COUNTRY_RESTRICTION: lambda context: (
        context.offer.countries_restricted or "countries" in context.offer.unreadable
    ),
    Rule.CUSTOM_PAGE: lambda context: context.offer.custom_pages,
    Rule.CAMPAIGN_CAPS: lambda context: context.campaign.caps or "caps" in context.campaign.unreadable,
    Rule.OFFER_CAPS: lambda context: context.offer.caps or "caps" in context.offer.unreadable,
    Rule.COUNTRY_PAYOUT: lambda context: context.offer.country_payouts,
    Rule.TARGET: lambda context: context.campaign.rule_sets,
    Rule.DEFAULT: lambda _: True,
}
