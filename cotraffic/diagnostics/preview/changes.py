"""Says in words what a preview found: which rule decides, and what would be different."""

from cotraffic.diagnostics.preview.simulate import REFUSED, SimulatedChange, SimulatedGroup
from cotraffic.diagnostics.words import ReferenceEntry, redirect_type_entry, refusal_entry

SAME_RULE = {
    SimulatedChange.OFFER: "the same rule, another offer",
    SimulatedChange.PAGE: "the same rule and offer, another page",
}


def is_refusal(rule: str) -> bool:
    """Return whether clicks are refused instead of being decided by a rule."""
    return rule.startswith(f"{REFUSED}: ")


def rule_entry(rule: str) -> ReferenceEntry:
    """Return the entry of the redirect type or refusal that a group of clicks has."""
    return refusal_entry(rule.removeprefix(f"{REFUSED}: ")) if is_refusal(rule) else redirect_type_entry(rule)


def same_rule(group: SimulatedGroup) -> str:
    """Say what would be different where the rule stays; "" where another one would decide."""
    return SAME_RULE.get(group.change, "")
