"""What README and docs tell a reader: commands to type, links to follow, files to open."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from devstack.environment import PROJECT

CONSOLE = re.compile(r"^ *```console\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^ *\$ (.*(?:\\\n.*)*)", re.MULTILINE)
COMMENT = re.compile(r"\s+# .*$")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
QUOTED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
NAMED_FILE = re.compile(r"\w[\w.-]*\.(py|md|lua|toml|yml|conf)")
# Made by `make`, so a fresh checkout lacks it.
MADE = "var"


class Told(NamedTuple):
    """One command, and the file that tells it."""

    page: str
    command: str


def pages() -> list[Path]:
    """Every page for readers."""
    return sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def told() -> Iterator[Told]:
    """Every command of every page, in its order; what follows a # is a remark."""
    for page in pages():
        for block in CONSOLE.findall(page.read_text()):
            for command in COMMAND.findall(block):
                yield Told(str(page.relative_to(PROJECT)), COMMENT.sub("", command.replace("\\\n", " ")))


def broken_links() -> list[str]:
    """Links of the pages to files that are not there, or to headings that these do not have."""
    return [
        f"{page.relative_to(PROJECT)}: {target}#{heading}"
        for page in pages()
        for target, heading in LINK.findall(page.read_text())
        if "://" not in target and not _leads_somewhere(page, target, heading)
    ]


def _leads_somewhere(page: Path, target: str, heading: str) -> bool:
    file = page.parent / target if target else page
    return file.exists() and (not heading or heading in _anchors(file))


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = HEADING.findall(FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_files() -> list[str]:
    """Files and folders that the pages, decisions included, name in backticks and that are not there."""
    folders = {folder.name for folder in PROJECT.iterdir() if folder.is_dir()}
    own = folders - {".git", ".venv", MADE}
    names = {file.name for folder in own for file in (PROJECT / folder).rglob("*")}
    names |= {file.name for file in PROJECT.iterdir()}
    return [
        f"{page.relative_to(PROJECT)}: {named}"
        for page in pages()
        for named in QUOTED.findall(FENCED.sub("", page.read_text()))
        if not _is_there(named, folders, names)
    ]


def _is_there(named: str, folders: set[str], names: set[str]) -> bool:
    """Whether a path from the root exists, or a file of a bare name somewhere; other words are no files."""
    first, slash, _ = named.partition("/")
    if slash:
        return first == MADE or first not in folders or (PROJECT / named).exists()
    return named in names or not NAMED_FILE.fullmatch(named)
