"""`make docs`: writes `docs/configuration.md` from `.env.example`, where every variable is explained once."""

import re
import sys
from itertools import groupby
from typing import NamedTuple

from devstack.environment import PROJECT

EXAMPLE = PROJECT / ".env.example"
REFERENCE = PROJECT / "docs" / "configuration.md"
SECTION = re.compile(r"# --- (.+) ---")
VARIABLE = re.compile(r"(#?)(\w+)=(.*)")
HEAD = """\
# Configuration

Every variable that co-traffic reads, with its default. They come from the environment, or from a `.env` file
beside `manage.py`; the environment counts more. `manage.py check` says what is missing or wrong, and what to
do about it. A variable without a default is not set unless you set it.

A value is what is written: `$`, `#`, `%` and spaces have no meaning of their own, in `.env` and in the
container's environment file alike. Quotes around a whole value in a file are taken off (`'A B'` is `A B`).
Between double quotes in `.env` a backslash takes the next character as it is, so `'…'` is the plain way.
Docker Compose alone replaces `$NAME` in `.env`, but not in single quotes. A number or a boolean (`true`,
`false`, `on`, `off`, `yes`, `no`, `1`, `0`) that cannot be read stops the start, and the message names the
variable.
"""


class Variables(NamedTuple):
    """Variables that one comment explains; a default is None where the example leaves the variable out."""

    section: str
    defaults: dict[str, str | None]
    meaning: str


def read_example(text: str) -> list[Variables]:
    """What an `.env.example` explains, in its order."""
    found: list[Variables] = []
    section, comment = "", list[str]()
    for line in text.splitlines():
        if heading := SECTION.fullmatch(line):
            section, comment = heading[1], []
        elif variable := VARIABLE.fullmatch(line):
            if comment or not found or found[-1].section != section:
                found.append(Variables(section, {}, " ".join(comment)))
                comment = []
            found[-1].defaults[variable[2]] = None if variable[1] else variable[3]
        elif line.startswith("# "):
            comment.append(line.removeprefix("# "))
        else:
            comment = []
    return found


def reference(text: str) -> str:
    """The page that says the same as an `.env.example`."""
    parts = [HEAD]
    for section, explained in groupby(read_example(text), key=lambda variables: variables.section):
        parts.append(f"\n## {section}\n\n| variable | default | meaning |\n| --- | --- | --- |\n")
        parts += map(_row, explained)
    return "".join(parts)


def _row(variables: Variables) -> str:
    names = "<br>".join(f"`{name}`" for name in variables.defaults)
    defaults = "<br>".join(f"`{value}`" if value else "" for value in variables.defaults.values())
    meaning = variables.meaning.replace("|", r"\|")
    return f"| {names} | {defaults} | {meaning} |\n"


def main() -> int:
    """Write the page."""
    REFERENCE.write_text(reference(EXAMPLE.read_text()))
    print(f"wrote {REFERENCE.relative_to(PROJECT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
