"""What keeps the house in order, beside the layers that import-linter holds."""

import ast
from collections import Counter

from tests.processes import PROJECT

PACKAGES = ("lib", "recipes", "offers", "cotraffic", "devstack")
TESTS = sorted((PROJECT / "tests").rglob("*.py"))
MODULES = [module for package in PACKAGES for module in (PROJECT / package).rglob("*.py")]
# Django finds these by their names.
DJANGO_NAMES = {"Command", "Meta", "Migration"}


def test_no_folder_holds_more_than_fifteen_modules() -> None:
    counts = Counter(module.parent for module in MODULES)
    assert {str(folder): count for folder, count in counts.items() if count > 15} == {}


def test_a_class_name_has_one_meaning_in_the_whole_project() -> None:
    names = Counter(
        node.name
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1 and name not in DJANGO_NAMES] == []


def test_a_file_stays_short_enough_to_be_read_at_once() -> None:
    lines = {str(file.relative_to(PROJECT)): file.read_text().count("\n") for file in (*MODULES, *TESTS)}
    assert {name: count for name, count in lines.items() if count > 300} == {}


def test_a_function_stays_short_enough_to_be_seen_at_once() -> None:
    lines = {
        f"{module.relative_to(PROJECT)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: count for name, count in lines.items() if count > 50} == {}
