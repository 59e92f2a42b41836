"""Entries of the log as lines of JSON, of which DuckDB makes the columns of the archive."""

from collections.abc import Sequence
from pathlib import Path

from offers.archive.columns import COLUMNS
from offers.click_log.stream import ASSUMED
from offers.click_log.types import Entry

UNIQUE = {"1": b',"isUniqueVisit":true', "0": b',"isUniqueVisit":false'}
UNIQUE[ASSUMED] = b',"isUniqueVisit":true,"isUniqueVisitAssumed":true'
NO_CLICK = b"{}\n"
# Of a record. A visitor can make one of some 12 kB; DuckDB stops at a line of more than 16 MB.
LONGEST_BYTES = 15_000_000


def lines_of(entries: Sequence[Entry], first: int = 0) -> bytes:
    """Return a line for each entry: its record with its uniqueness, and its place as `number`.

    The place of the first entry is `first`. An entry that is longer than `LONGEST_BYTES`, or cannot be one
    object in one line, has an object that is no click.
    """
    unique_of = UNIQUE.get
    return b"".join(
        [
            b'%b%b,"number":%d}\n' % (click[:-1], unique_of(unique, b""), number)
            if click[-1:] == b"}" and b"\n" not in click and len(click) <= LONGEST_BYTES
            else NO_CLICK
            for number, (_, click, unique) in enumerate(entries, first)
        ]
    )


def json_query(lines: Path) -> str:
    """Return the query that reads the clicks of a file of lines, and their places."""
    named = [*((column.name, column.json_type) for column in COLUMNS), ("number", "BIGINT")]
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in named)
    values = ", ".join(column.expression for column in COLUMNS)
    return (
        f"SELECT {values}, number FROM read_json({quoted(lines)}, format = 'newline_delimited', "  # noqa: S608
        f"ignore_errors = true, columns = {{{types}}}) WHERE lid IS NOT NULL"
    )


def quoted(text: str | Path) -> str:
    """Return a text as SQL writes it."""
    return "'{}'".format(str(text).replace("'", "''"))
