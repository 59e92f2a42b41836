"""The ids of system checks: each names one kind of problem, wherever an operator meets it."""

import ast
import re
from collections import defaultdict

from devstack.environment import PROJECT

ID = re.compile(r"cotraffic\.[EWI]\d{3}")


def checks_by_id() -> dict[str, set[str]]:
    """The check functions in which an id occurs, by id."""
    found = defaultdict(set)
    for path in (
        path for app in ("cotraffic", "offers", "recipes") for path in (PROJECT / app).rglob("*.py")
    ):
        for check in ast.parse(path.read_text()).body:
            for node in ast.walk(check):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for name in ID.findall(node.value):
                        found[name].add(f"{path.name}: {getattr(check, 'name', 'no function')}")
    return dict(found)


def test_an_id_belongs_to_one_check_only() -> None:
    assert len(checks_by_id()) > 20
    assert {name: checks for name, checks in checks_by_id().items() if len(checks) > 1} == {}
