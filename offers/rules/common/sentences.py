"""Puts rules into words for staff who make offers. Only explanations use it; no click pays for it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from recipes.records.parts import Caps, DateRange
from recipes.records.target_rules import RuleSet

MOST_LISTED = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_ms: int) -> str:
    """Format a moment in UTC; one outside the calendar's years as milliseconds since the epoch."""
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return f"{at_ms} ms"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def amount(value: Decimal) -> str:
    """Format an amount without trailing zeros."""
    return f"{value.normalize():f}"


def listed(words: Iterable[str], last: str = "and", most: int = MOST_LISTED) -> str:
    """Join words as a list in a sentence; beyond `most` of them, say how many more there are."""
    found = list(words)
    if len(found) > most:
        found = [*found[:most], f"{len(found) - most:,} more"]
    return f" {last} ".join(filter(None, (", ".join(found[:-1]), found[-1]))) if found else "none"


def dates_in_words(dates: DateRange) -> str:
    """Describe a range of dates, and what counts instead of a date that cannot be used."""
    if dates.start_ms is not None and dates.end_ms is not None:
        return f"from {instant(dates.start_ms)} to {instant(dates.end_ms)}"
    if dates.frozen_pass is not None:
        verdict = "inside" if dates.frozen_pass else "outside"
        return f"between dates of which one cannot be used, so what the recipe says counts ({verdict})"
    if dates.start_ms is not None:
        return f"from {instant(dates.start_ms)} on"
    return "between dates that are not given" if dates.end_ms is None else f"until {instant(dates.end_ms)}"


def target_rules_in_words(rule_set: RuleSet) -> Iterator[str]:
    """Describe each group of a rule set's conditions; any one group sends a click away."""
    for rule in rule_set.rules:
        word = "is" if rule.include else "is not"
        for group in rule.groups:
            yield " and ".join(f"{c.dimension} {word} {listed(sorted(c.values), 'or')}" for c in group)


def visitor_from(country: str | None) -> str:
    """Describe the visitor's country."""
    return f"the visitor is from {country}" if country else "the visitor's country is unknown"


def describe_caps(who: str, caps: Caps | None, now_ms: int) -> str:
    """Describe the state of an offer's or campaign's caps."""
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
    live = f": {caps.closed_by}" if caps.closed_by else ""
    return f"{who} is {standing}{live}; its caps name {target} to go to.{dates}"
