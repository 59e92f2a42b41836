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
from offers.rules.verdict import ClickContext, Passed, Verdict


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


DECIDE: dict[Rule, Callable[[ClickContext], Verdict | Passed]] = {
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

INPUTS: dict[Rule, Callable[[ClickContext], dict[str, object]]] = {
    Rule.AGGREGATED: aggregated.inputs,
    Rule.DATES: dates.inputs,
    Rule.COUNTRY_RESTRICTION: country_restriction.inputs,
    Rule.CUSTOM_PAGE: custom_page.inputs,
    Rule.CAMPAIGN_CAPS: campaign_caps.inputs,
    Rule.OFFER_CAPS: offer_caps.inputs,
    Rule.COUNTRY_PAYOUT: country_payout.inputs,
    Rule.TARGET: target.inputs,
    Rule.DEFAULT: default.inputs,
}

__all__ = ["DECIDE", "INPUTS", "ClickContext", "Passed", "Rule", "Verdict"]
