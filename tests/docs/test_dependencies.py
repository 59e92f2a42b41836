"""docs/dependencies.md lists what pyproject.toml asks for, and where it is used."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from typing import NamedTuple

import pytest

from tests.processes import PROJECT

REQUIREMENT = re.compile(r"(?P<name>[\w-]+)(?:\[.*\])?(?P<versions>.*)")
ROW = re.compile(
    r"^\| (?P<name>[\w-]+) \| (?P<purpose>[^|]+) \| (?P<bound>[^|]*)\| (?P<files>`[^|]+`) \|$", re.MULTILINE
)


class Row(NamedTuple):
    name: str
    bound: str
    files: list[str]


def required() -> Iterator[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    yield from project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        yield from extra
    for group in project["dependency-groups"].values():
        yield from group


def rows() -> list[Row]:
    page = (PROJECT / "docs" / "dependencies.md").read_text()
    return [
        Row(row["name"], row["bound"].strip(" `"), re.findall("`([^`]+)`", row["files"]))
        for row in ROW.finditer(page)
    ]


def bounds() -> dict[str, str]:
    """Each package with its upper bound, "" where it has none."""
    found = {}
    for requirement in required():
        match = REQUIREMENT.fullmatch(requirement)
        assert match
        upper = [part for part in match["versions"].split(",") if part.startswith("<")]
        found[match["name"].lower()] = "".join(upper)
    return found


@cache
def modules() -> dict[str, set[str]]:
    """The modules of each installed package."""
    found: dict[str, set[str]] = {}
    for module, packages in packages_distributions().items():
        for package in packages:
            found.setdefault(package.lower().replace("_", "-"), set()).add(module)
    return found


def called(package: str) -> set[str]:
    """What code may call a package: by its own name, a module or a command of it."""
    commands: set[str] = set()
    # The driver of PostgreSQL is an extra, and may be missing.
    with suppress(PackageNotFoundError):
        commands = distribution(package).entry_points.names
    return {package, package.removesuffix("-bin"), *modules().get(package, ()), *commands}


def test_the_table_has_every_package_with_its_bound_and_no_other() -> None:
    assert {row.name: row.bound for row in rows()} == bounds()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_package_is_used_where_the_table_says(row: Row) -> None:
    for file in row.files:
        text = (PROJECT / file).read_text()
        assert any(name in text for name in called(row.name)), file
