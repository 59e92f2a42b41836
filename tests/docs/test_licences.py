"""docs/licences.md: every package that the image ships, in the version of the lock."""

import re
import tomllib

import pytest

from tests.docs.licences import PAGE, Bill, Choice, Component, Licence, page
from tests.processes import PROJECT

ROW = re.compile(r"^\| (\S+) \| (\S+) \| (.+) \|$", re.MULTILINE)
LOCKED = {package["name"]: package for package in tomllib.loads((PROJECT / "uv.lock").read_text())["package"]}


def shipped() -> dict[str, str]:
    """Name -> version of what the image ships: what co-traffic and its extra need, and what these need."""
    (project,) = (package for package in LOCKED.values() if package["name"] == "co-traffic")
    wanted = [*project["dependencies"], *project["optional-dependencies"]["postgresql"]]
    found: dict[str, str] = {}
    while wanted:
        one = wanted.pop()
        package = LOCKED[one["name"]]
        is_for_others = "win32" in one.get("marker", "") or "python_full_version < '3.11" in one.get(
            "marker", ""
        )
        if one["name"] in found or is_for_others:
            continue
        found[one["name"]] = package["version"]
        wanted += package.get("dependencies", [])
        for extra in one.get("extra", []):
            wanted += package.get("optional-dependencies", {}).get(extra, [])
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_page_names_what_the_image_ships_and_its_versions() -> None:
    rows = {normal(name): version for name, version, _ in ROW.findall(PAGE.read_text()) if name != "---"}
    rows.pop("package", None)
    assert rows.items() <= shipped().items(), "run `make licences`"
    missing = shipped().keys() - rows.keys()
    assert missing <= {"typing-extensions", "tzdata", "colorama"}, "run `make licences`"


def test_a_package_of_unknown_licence_stops_the_page() -> None:
    known = Component("known", "1", [Choice(license=Licence(id="MIT"))])
    assert "| known | 1 | MIT |" in page(Bill([known]))
    with pytest.raises(ValueError, match="unknown states no licence"):
        page(Bill([known, Component("unknown", "1")]))
