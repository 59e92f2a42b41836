"""A campaign's target rules, read once from the text they come in."""

from typing import Any

import msgspec

from offers.reading import FieldReader, id_of

DIMENSIONS = frozenset(
    {
        "country",
        "region",
        "city",
        "isp",
        "deviceType",
        "browser",
        "os",
        "platform",
        "affiliateId",
        "affiliateType",
        "subCampaign",
        "cid",
        "offerId",
    }
)
_ALIASES = {"geo": "country"}


class Condition(msgspec.Struct, frozen=True, gc=False):
    """One dimension and the values listed for it, case-folded."""

    dimension: str
    values: frozenset[str]


class TargetRule(msgspec.Struct, frozen=True, gc=False):
    """Groups of conditions; `include`: the visitor is one of the values, else known and none of them."""

    include: bool
    groups: tuple[tuple[Condition, ...], ...]


class RuleSet(msgspec.Struct, frozen=True, gc=False):
    """Rules that share one target; `redirect_to` is 0 where they send to the offer's exit offer."""

    redirect_to: int
    rules: tuple[TargetRule, ...]


def read_target_rules(read: FieldReader) -> tuple[RuleSet, ...]:
    """The rule sets of a campaign. A group with an unknown dimension or no values is off, and a defect."""
    sets = []
    for row in read.rows("targetRules", read.json("targetRules")):
        body = FieldReader(row, read.record_id)
        content = body.json("rules")
        for defect in body.defects:
            read.defect("targetRules.rules", defect.value, defect.problem)
        if isinstance(content, dict):
            sets.append(_rule_set(read, content))
        elif content is not None:
            read.defect("targetRules.rules", content, "is not an object")
    return tuple(found for found in sets if found.rules)


def _rule_set(read: FieldReader, content: dict[str, Any]) -> RuleSet:
    rules = []
    for row in read.rows("targetRules.rules", content.get("rules")):
        groups = [
            group
            for entry in read.rows("targetRules.filterGroups", row.get("filterGroups"))
            if (group := _group(read, entry.get("conditions")))
        ]
        include = bool(read.flag("include", row, "targetRules."))
        if groups:
            rules.append(TargetRule(include, tuple(groups)))
    return RuleSet(read.reference("redirectTo", content, "targetRules."), tuple(rules))


def _group(read: FieldReader, conditions: Any) -> tuple[Condition, ...]:
    """The conditions by dimension; empty when the group cannot be decided, for it must never decide then."""
    values: dict[str, set[str]] = {}
    for row in read.rows("targetRules.conditions", conditions):
        dimension = row.get("dimension")
        name = _ALIASES.get(dimension, dimension) if isinstance(dimension, str) else None
        if name not in DIMENSIONS:
            read.defect("targetRules.dimension", dimension, "is not a dimension; its group is off")
            return ()
        value = _value(row.get("value"))
        if value is None:
            read.defect("targetRules.value", row.get("value"), "is not a value; its group is off")
            return ()
        values.setdefault(name, set()).add(value)
    return tuple(Condition(name, frozenset(listed)) for name, listed in values.items())


def _value(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip().casefold() or None
    number = id_of(value)
    return None if number is None else str(number)
