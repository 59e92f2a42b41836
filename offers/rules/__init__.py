"""The rules in the order in which they are asked; the first that decides ends it.

Each is one file with two pure functions: `decide(asked)`, the rule itself, and `looks_at(asked)`, what it
decides by, for the trace. To add a rule, write its file and give it its place here.
"""

from collections.abc import Callable
from enum import Enum

from offers.rules import (
    aggregated,
    campaign_caps,
    country_payout,
    country_restriction,
    custom_page,
    dates,
    default,
    offer_caps,
    target,
)
from offers.rules.verdict import Asked, Passed, Verdict


class Rule(Enum):
    """One member a rule, in order; the value is its name in a trace."""

    AGGREGATED = "aggregated"
    DATES = "dates"
    COUNTRY_RESTRICTION = "country restriction"
    CUSTOM_PAGE = "custom landing page"
    CAMPAIGN_CAPS = "campaign caps"
    OFFER_CAPS = "offer caps"
    COUNTRY_PAYOUT = "payout per country"
    TARGET = "target rules"
    DEFAULT = "default"


DECIDE: dict[Rule, Callable[[Asked], Verdict | Passed]] = {
    Rule.AGGREGATED: aggregated.decide,
    Rule.DATES: dates.decide,
    Rule.COUNTRY_RESTRICTION: country_restriction.decide,
    Rule.CUSTOM_PAGE: custom_page.decide,
    Rule.CAMPAIGN_CAPS: campaign_caps.decide,
    Rule.OFFER_CAPS: offer_caps.decide,
    Rule.COUNTRY_PAYOUT: country_payout.decide,
    Rule.TARGET: target.decide,
    Rule.DEFAULT: default.decide,
}

LOOKS_AT: dict[Rule, Callable[[Asked], dict[str, object]]] = {
    Rule.AGGREGATED: aggregated.looks_at,
    Rule.DATES: dates.looks_at,
    Rule.COUNTRY_RESTRICTION: country_restriction.looks_at,
    Rule.CUSTOM_PAGE: custom_page.looks_at,
    Rule.CAMPAIGN_CAPS: campaign_caps.looks_at,
    Rule.OFFER_CAPS: offer_caps.looks_at,
    Rule.COUNTRY_PAYOUT: country_payout.looks_at,
    Rule.TARGET: target.looks_at,
    Rule.DEFAULT: default.looks_at,
}

__all__ = ["DECIDE", "LOOKS_AT", "Asked", "Passed", "Rule", "Verdict"]
