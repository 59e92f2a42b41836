"""Target rules as they are read: what fits nobody is told, what cannot be read decides nothing."""

import json
from typing import Any

import pytest

from recipes.records.target_rules import Condition
from tests.offers.builders import campaign, target


def conditions(*rows: tuple[str, object], include: bool = True) -> list[Condition]:
    sets = campaign(targetRules=target(*rows, include=include)).rule_sets
    return [
        condition for found in sets for rule in found.rules for group in rule.groups for condition in group
    ]


@pytest.mark.parametrize(
    ("dimension", "value", "read"),
    [
        ("country", "UK", "gb"),
        ("Geo", " us\u200b", "us"),
        ("GEO", "\uff35\uff33", "us"),
        ("deviceType", "Smartphone ", "smartphone"),
        ("DEVICETYPE", '"TV"', "tv"),
        ("region", "NY", "ny"),
        ("affiliateId", "007", "7"),
        ("affiliateId", 7, "7"),
        ("cid", 5, "5"),
        ("cid", '"a"', '"a"'),
        ("isp", '"Spectrum"', "spectrum"),
        ("isp", " O'Brien's ", "o'brien's"),
    ],
)
def test_dimensions_and_values_are_read_in_any_case(dimension: str, value: object, read: str) -> None:
    assert [condition.values for condition in conditions((dimension, value))] == [{read}]


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        *(("country", value) for value in ("USA", "US,CA", "AA", 840)),
        *(("deviceType", value) for value in ("mobile", "phone", "Smart TV", 3)),
        *(("region", value) for value in ("US-NY", "New York")),
        *(("offerId", "x"), ("affiliateId", "5.5"), ("isp", 7), ("os", 10)),
    ],
)
def test_a_value_that_fits_nobody_is_a_defect(dimension: str, value: object) -> None:
    found = campaign(targetRules=target((dimension, value), ("cid", "x")))
    assert [(defect.field, "fits nobody" in defect.problem) for defect in found.defects] == [
        ("targetRules.value", True)
    ]
    assert found.rule_sets == ()


def test_of_several_values_the_others_count() -> None:
    assert conditions(("country", "USA"), ("country", "CA")) == [
        Condition("country", frozenset({"usa", "ca"}))
    ]


@pytest.mark.parametrize("value", [["US", "CA"], {"a": 1}, None, "", True])
def test_a_group_with_what_is_no_value_is_off(value: object) -> None:
    found = campaign(targetRules=target(("cid", "x"), ("country", value)))
    assert (len(found.rule_sets), set(found.unreadable)) == (0, {"target rules"})


@pytest.mark.parametrize("value", ["perhaps", 2, [], {}])
def test_a_rule_whose_include_cannot_be_read_is_off(value: Any) -> None:
    found = campaign(targetRules=target(("cid", "x"), include=value))
    assert (found.rule_sets, [defect.field for defect in found.defects]) == ((), ["targetRules.include"])


@pytest.mark.parametrize("value", [None, "", " "])
def test_a_rule_that_does_not_say_whether_it_includes_excludes_and_is_a_defect(value: Any) -> None:
    found = campaign(targetRules=target(("cid", "x"), include=value))
    assert [rule.include for rule in found.rule_sets[0].rules] == [False]
    assert [defect.field for defect in found.defects] == ["targetRules.include"]


def test_a_group_with_a_condition_that_is_none_is_off() -> None:
    group = {"conditions": [{"dimension": "cid", "value": "x"}, "country is US"]}
    rules = {"redirectTo": 9, "rules": [{"include": True, "filterGroups": [group]}]}
    assert campaign(targetRules=[{"rules": rules}]).rule_sets == ()


@pytest.mark.parametrize("value", [5, "{", {"rules": []}, "text", True, [5]])
def test_target_rules_of_which_none_can_be_read_are_unreadable(value: object) -> None:
    assert campaign(targetRules=value).unreadable == {"target rules"}


@pytest.mark.parametrize("value", [None, "", "[]", [], [{"rules": None}], [{"rules": {"rules": []}}]])
def test_no_target_rules_are_no_defect(value: object) -> None:
    found = campaign(targetRules=value)
    assert (found.rule_sets, found.unreadable, found.defects) == ((), frozenset(), ())


def test_everything_may_be_json_text() -> None:
    sets = target(("country", "US"))
    once = campaign(targetRules=json.dumps([{"rules": json.dumps(sets[0]["rules"])}]))
    assert (once.rule_sets, once.defects) == (campaign(targetRules=sets).rule_sets, ())
