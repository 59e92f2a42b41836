"""`make licences`: writes `docs/licences.md`, the licences of every package that the image ships."""

import sys

import msgspec

from devstack.environment import PROJECT

BILL = PROJECT / "var" / "sbom.json"
PAGE = PROJECT / "docs" / "licences.md"
# Packages whose metadata names no licence that a machine can read.
READ_BY_HAND = {"crawler-user-agents": "MIT", "supervisor": "BSD-derived (repoze)"}
WORDS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
HEAD = """\
# Licences of what the image ships

co-traffic itself is under the [MIT licence](../LICENSE). Its image brings these Python packages, in the
versions of `uv.lock`; `make sbom` writes the same as CycloneDX to `var/sbom.json`, and `make licences` this
page. All of them may be used and passed on in a product, unchanged as they are here. Those under the LGPL
(psycopg, PostgreSQL's driver) and the MPL ask for their source to be offered where they are changed.

Besides: the packages of Debian's base image with their licences in `/usr/share/doc`, Python (PSF-2.0), Valkey
(BSD-3-Clause), and [uPlot](../cotraffic/diagnostics/static/diagnostics/vendor/uplot/) (MIT) for the charts of
the staff page. MaxMind's databases are not in it, and have terms of their own.

| package | version | licence |
| --- | --- | --- |
"""


class Licence(msgspec.Struct, frozen=True):
    """A licence by its SPDX id, or by a name."""

    id: str = ""
    name: str = ""


class Choice(msgspec.Struct):
    """One statement of a package on its licence."""

    expression: str = ""
    license: Licence = Licence()


class Component(msgspec.Struct):
    """One package of the bill of materials."""

    name: str
    version: str
    licenses: list[Choice] = []


class Bill(msgspec.Struct):
    """A CycloneDX document, as far as it is read here."""

    components: list[Component]


def page(bill: Bill) -> str:
    """Return the page. Raises `ValueError` for a package whose licence nobody knows."""
    rows = sorted(bill.components, key=lambda component: component.name.lower())
    return HEAD + "".join(f"| {each.name} | {each.version} | {_licence(each)} |\n" for each in rows)


def _licence(component: Component) -> str:
    stated = [choice.expression or choice.license.id or choice.license.name for choice in component.licenses]
    found = sorted({WORDS.get(text, text) for text in stated}) or [READ_BY_HAND.get(component.name, "")]
    if not all(found):
        raise ValueError(f"{component.name} states no licence: look it up, and add it to READ_BY_HAND")
    return ", ".join(found)


def main() -> int:
    """Write the page; gives 0."""
    PAGE.write_text(page(msgspec.json.decode(BILL.read_bytes(), type=Bill)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
