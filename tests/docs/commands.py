"""The commands that README and docs tell a reader to type, and the files that their links lead to."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from devstack.environment import PROJECT

CONSOLE = re.compile(r"^ *```console\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^ *\$ (.*(?:\\\n.*)*)", re.MULTILINE)
COMMENT = re.compile(r"\s+# .*$")
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(#[^)]*)?\)")


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
    """Links of the pages to files that are not there."""
    return [
        f"{page.relative_to(PROJECT)}: {target}"
        for page in pages()
        for target, _ in LINK.findall(page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
