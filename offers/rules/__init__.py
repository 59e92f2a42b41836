"""The rules in the order in which they run; the first that decides ends it.

Each is one file that ends in a `Rule` object. To add a rule, write its file and give it its place here.
"""

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

AGGREGATED = aggregated.RULE
DATES = dates.RULE
COUNTRY_RESTRICTION = country_restriction.RULE
CUSTOM_PAGE = custom_page.RULE
CAMPAIGN_CAPS = campaign_caps.RULE
OFFER_CAPS = offer_caps.RULE
COUNTRY_PAYOUT = country_payout.RULE
TARGET = target.RULE
DEFAULT = default.RULE

RULES = (
    AGGREGATED,
    DATES,
    COUNTRY_RESTRICTION,
    CUSTOM_PAGE,
    CAMPAIGN_CAPS,
    OFFER_CAPS,
    COUNTRY_PAYOUT,
    TARGET,
    DEFAULT,
)
BY_NAME = {rule.name: rule for rule in RULES}
