"""A campaign may send some visitors, told apart by who and where they are, to another offer."""

from collections.abc import Callable

from offers.rules.verdict import ClickContext, Exit, Passed
from recipes.records.target_rules import RuleSet, TargetRule

REDIRECT_TYPE = "campaignTargetRules"
NO_RULES = Passed("the campaign has no target rules")
NO_FIT = Passed("no target rule fits")

# The visitor's value of each dimension; None is unknown.
VALUES: dict[str, Callable[[ClickContext], object]] = {
    "country": lambda context: context.visitor.geo.country,
    "region": lambda context: context.visitor.geo.region,
    "city": lambda context: context.visitor.geo.city,
    "isp": lambda context: context.visitor.geo.isp,
    "deviceType": lambda context: _known(context.visitor.device.device_type),
    "browser": lambda context: context.visitor.device.browser,
    "os": lambda context: context.visitor.device.os,
    "platform": lambda context: context.visitor.device.platform,
    "affiliateId": lambda context: context.campaign.affiliate_id,
    "affiliateType": lambda context: context.campaign.affiliate_type,
    "subCampaign": lambda context: context.sub_campaign or None,
    "cid": lambda context: context.cid or None,
    "offerId": lambda context: context.offer.offer_id,
}


def decide(context: ClickContext) -> Exit | Passed:
    """To the offer of the first rule set that fits, else, where it names none, to the exit offer."""
    if not context.campaign.rule_sets:
        return NO_RULES
    for rule_set in context.campaign.rule_sets:
        fitting = fitting_group(context, rule_set)
        if fitting is not None:
            target = rule_set.redirect_to or context.offer.exit_offer_id
            return Exit(REDIRECT_TYPE, f"{REDIRECT_TYPE}: {fitting}", target)
    return NO_FIT


def fitting_group(context: ClickContext, rule_set: RuleSet) -> str | None:
    """The first group of the set that fits this click, in words; None when none does."""
    for rule in rule_set.rules:
        for group in rule.groups:
            if all(_fits(context, rule, c.dimension, c.values) for c in group):
                word = "is" if rule.include else "is not"
                return " and ".join(f"{c.dimension} {word} {' or '.join(sorted(c.values))}" for c in group)
    return None


def _fits(context: ClickContext, rule: TargetRule, dimension: str, listed: frozenset[str]) -> bool:
    value = VALUES[dimension](context)
    if value is None:
        return False
    return (str(value).casefold() in listed) is rule.include


def _known(device_type: str) -> str | None:
    return None if device_type == "unknown" else device_type


def inputs(context: ClickContext) -> dict[str, object]:
    """What the rule decides by: each dimension that its rules name, and the visitor's value of it."""
    sets = context.campaign.rule_sets
    named = {c.dimension for found in sets for rule in found.rules for group in rule.groups for c in group}
    return {name: VALUES[name](context) for name in sorted(named)}
