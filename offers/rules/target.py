"""A campaign may send some visitors to another offer, by their place, device or affiliate."""

from offers.rules.common.description import Description, Line, OfferRef, off
from offers.rules.common.parts import OF_THE_RECORDS, PARTS
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.rule import Rule, Varies
from offers.rules.common.sentences import listed, target_rules_in_words
from offers.rules.common.verdict import ClickContext, Exit, Passed
from recipes.records.records import Campaign, Offer
from recipes.records.target_rules import TARGET_RULES, RuleSet, TargetRule

REDIRECT_TYPE = RedirectType.TARGET_RULES.value
NO_RULES = Passed("the campaign has no target rules")
NO_FIT = Passed("no target rule fits")


def decide(context: ClickContext) -> Exit | Passed:
    """Send to the offer of the first rule set that fits, or to the exit offer if the set names none."""
    if not context.campaign.rule_sets:
        return NO_RULES
    for rule_set in context.campaign.rule_sets:
        fitting = fitting_group(context, rule_set)
        if fitting is not None:
            target = rule_set.redirect_to or context.offer.exit_offer_id
            return Exit(REDIRECT_TYPE, f"{REDIRECT_TYPE}: {fitting}", target, may_return=True)
    return NO_FIT


def fitting_group(context: ClickContext, rule_set: RuleSet) -> str | None:
    """Describe the first group of the set that fits this click; None if none does."""
    for rule in rule_set.rules:
        for group in rule.groups:
            if all(_fits(context, rule, c.dimension, c.values) for c in group):
                word = "is" if rule.include else "is not"
                return " and ".join(f"{c.dimension} {word} {' or '.join(sorted(c.values))}" for c in group)
    return None


def _fits(context: ClickContext, rule: TargetRule, dimension: str, listed: frozenset[str]) -> bool:
    value = PARTS[dimension](context)
    if value is None:
        return False
    return (str(value).casefold() in listed) is rule.include


def inputs(context: ClickContext) -> dict[str, object]:
    """Return each dimension that the campaign's rules name, with the visitor's value of it."""
    sets = context.campaign.rule_sets
    named = {c.dimension for found in sets for rule in found.rules for group in rule.groups for c in group}
    return {name: PARTS[name](context) for name in sorted(named)}


def varies_by(_: Offer, campaign: Campaign) -> Varies:
    """The values that its conditions list, by dimension."""
    listed_values: dict[str, frozenset[str]] = {}
    for found in campaign.rule_sets:
        for condition in (c for rule in found.rules for group in rule.groups for c in group):
            if condition.dimension not in OF_THE_RECORDS:
                before = listed_values.get(condition.dimension, frozenset())
                listed_values[condition.dimension] = before | condition.values
    return listed_values


def describe(context: ClickContext) -> str:
    """Say in one or two sentences what the rule decides this click by."""
    campaign = context.campaign
    if not campaign.rule_sets:
        return f"Campaign {campaign.campaign_id} has no target rules."
    sets = (
        f"to {f'offer {found.redirect_to}' if found.redirect_to else 'the exit offer'} "
        f"when {listed(target_rules_in_words(found), 'or when', 4)}"
        for found in campaign.rule_sets
    )
    named = {c.dimension for found in campaign.rule_sets for r in found.rules for g in r.groups for c in g}
    values = (f"{name} {shown(PARTS[name](context))}" for name in sorted(named))
    return f"Campaign {campaign.campaign_id} sends {listed(sets, 'and', 4)}. This visitor: {listed(values)}."


def shown(value: object) -> str:
    """Format a value for a sentence."""
    return "unknown" if value is None else str(value)


def is_set_up(context: ClickContext) -> bool:
    """Return whether offer or campaign have anything for the rule to decide by."""
    return bool(context.campaign.rule_sets)


def describe_campaign(campaign: Campaign, _: int) -> Description:
    """Say which visitors the campaign sends where."""
    if not campaign.rule_sets:
        is_unreadable = TARGET_RULES in campaign.unreadable
        return off("They cannot be read, and are off." if is_unreadable else "No target rules.")
    lines: list[Line] = []
    for found in campaign.rule_sets:
        to = OfferRef(found.redirect_to) if found.redirect_to else "the offer's exit offer"
        lines.append(("To ", to, f" when {listed(target_rules_in_words(found), 'or when', most=50)}."))
    return Description(tuple(lines))


RULE = Rule(
    "target rules",
    "Target rules",
    decide,
    inputs,
    varies_by,
    describe,
    is_set_up,
    describe_campaign=describe_campaign,
)
