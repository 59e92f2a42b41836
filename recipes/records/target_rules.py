"""Reads a campaign's target rules, once, from the JSON text in its record."""

import re

import msgspec

from recipes.records.blanks import BLANKS, SURROUNDINGS
from recipes.records.countries import country_code
from recipes.records.fields import FieldReader, id_of

TARGET_RULES = "target rules"
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
# Names of dimensions are matched in any case.
_NAMES = {name.lower(): name for name in DIMENSIONS} | {"geo": "country"}
# The values that a visitor can have. Any other fits nobody, which nobody would ever notice: it is a defect.
DEVICE_TYPES = frozenset({"desktop", "smartphone", "tablet", "tv", "console", "wearable", "bot", "unknown"})
_NAMED = frozenset({"city", "isp", "browser", "os", "platform", "affiliateType"})
_REGION = re.compile(r"[a-z0-9]{1,3}")


class Condition(msgspec.Struct, frozen=True, gc=False):
    """One dimension and the values listed for it, case-folded."""

    dimension: str
    values: frozenset[str]


class TargetRule(msgspec.Struct, frozen=True, gc=False):
    """Groups of conditions. With `include` a visitor must have one of the values, else a known other one."""

    include: bool
    groups: tuple[tuple[Condition, ...], ...]


class RuleSet(msgspec.Struct, frozen=True, gc=False):
    """Rules that share one target; `redirect_to` is 0 if that is the offer's exit offer."""

    redirect_to: int
    rules: tuple[TargetRule, ...]


def read_target_rules(read: FieldReader) -> tuple[RuleSet, ...]:
    """Read the rule sets of a campaign. A group with an unknown dimension or no values is off, and a defect.

    A set that cannot be read at all makes the target rules unreadable.
    """
    sets = []
    for row in read.rows("targetRules", read.json("targetRules", closes=TARGET_RULES), TARGET_RULES):
        before = len(read.defects)
        content = read.object("rules", row, "targetRules.")
        found = None if content is None else _rule_set(read, content)
        if found is not None and found.rules:
            sets.append(found)
        elif len(read.defects) > before:
            read.unreadable.add(TARGET_RULES)
    return tuple(sets)


def _rule_set(read: FieldReader, content: dict[str, object]) -> RuleSet:
    rules = []
    path = "targetRules."
    for row in read.rows("targetRules.rules", read.json("rules", content, path)):
        include = _include(read, row)
        if include is None:
            continue
        groups = [
            group
            for entry in read.rows("targetRules.filterGroups", read.json("filterGroups", row, path))
            if (group := _group(read, read.json("conditions", entry, path), include))
        ]
        if groups:
            rules.append(TargetRule(include, tuple(groups)))
    return RuleSet(read.reference("redirectTo", content, path), tuple(rules))


def _include(read: FieldReader, row: dict[str, object]) -> bool | None:
    """Return whether a rule includes. Without a value it excludes; None (unreadable) switches it off."""
    before = len(read.defects)
    include = read.flag("include", row, "targetRules.")
    if include is not None or len(read.defects) > before:
        return include
    read.defect("targetRules.include", row.get("include"), "is missing; the rule excludes")
    return False


def _group(read: FieldReader, conditions: object, include: bool) -> tuple[Condition, ...]:
    """Read a group's conditions, none if any of them cannot be decided: then the group must never fit."""
    values: dict[str, set[str]] = {}
    fitting: set[str] = set()
    rows = read.rows("targetRules.conditions", conditions)
    if isinstance(conditions, list) and len(rows) < len(conditions):
        return ()
    for row in rows:
        dimension = row.get("dimension")
        name = _NAMES.get(dimension.strip(SURROUNDINGS).lower()) if isinstance(dimension, str) else None
        if name is None:
            read.defect("targetRules.dimension", dimension, "is not a dimension; its group is off")
            return ()
        value = _value(row.get("value"))
        if value is None:
            read.defect("targetRules.value", row.get("value"), "is not a value; its group is off")
            return ()
        value, problem = _as_visitors_have_it(name, value)
        if name in _NAMED and not isinstance(row.get("value"), str):
            problem = "is a number and no name"
        if problem == "":
            fitting.add(name)
        else:
            read.defect("targetRules.value", row.get("value"), f"{problem}, so it fits nobody")
        values.setdefault(name, set()).add(value)
    if include and len(fitting) < len(values):
        return ()
    return tuple(Condition(name, frozenset(listed)) for name, listed in values.items())


def _value(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip(BLANKS).casefold() or None
    number = id_of(value)
    return None if number is None else str(number)


def _as_visitors_have_it(dimension: str, value: str) -> tuple[str, str]:
    """Return a value as visitors have it, and what is wrong with it if no visitor can have it."""
    problem = ""
    if dimension == "country":
        code = country_code(value)
        value, problem = (code.casefold(), "") if code else (value, "is not a country's code")
    elif dimension == "deviceType":
        value = value.strip(SURROUNDINGS)
        problem = "" if value in DEVICE_TYPES else "is not a device type"
    elif dimension in _NAMED:
        # The name is quoted as JSON text; other quotes may be part of a name.
        value = value[1:-1] if value[:1] == value[-1:] == '"' else value
    elif dimension == "region":
        value = value.strip(SURROUNDINGS)
        problem = "" if _REGION.fullmatch(value) else "is not the code of a region without its country"
    elif dimension in ("affiliateId", "offerId"):
        found = id_of(value)
        value, problem = (str(found), "") if found else (value, "is not an id")
    return value, problem
