"""Finds the records of one generation by name, and the records that use an offer: a SQLite file on disk.

It is not in Redis, because a search through a million names there would hold clicks up. The file has each
record's case-folded name, the offers that it refers to and the affiliate whose it is, and is deleted with its
generation.
"""

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from recipes.records.records import Campaign, Offer
from recipes.records.references import Relation, references

BUSY_SECONDS = 2.0
# Up to this many hits are ranked, the best first; of more, the first ones by id are shown.
RANKED_FITS = 500
RELATIONS = 8
MAPPED_BYTES = 2**31
# Files of another format are built anew.
FORMAT = 2
# The number of no `Relation`: the campaign is this affiliate's.
_AFFILIATE = 0

_SCHEMA = """
CREATE TABLE records (id INTEGER PRIMARY KEY, name BLOB NOT NULL, uses TEXT NOT NULL);
CREATE TABLE used_by (use INTEGER NOT NULL, record_id INTEGER NOT NULL);
CREATE TABLE state (version INTEGER NOT NULL);
"""
_AFTER_FILLING = """
INSERT INTO used_by SELECT json_each.value, records.id FROM records, json_each(records.uses);
CREATE INDEX used_by_use ON used_by (use, record_id);
CREATE INDEX records_name ON records (name);
"""


class IndexBroken(Exception):
    """The index file cannot be read or written; it has to be built again."""


class IndexRow(NamedTuple):
    """A record in the index: its case-folded name, and each use of an offer as one number, in JSON.

    That a campaign is an affiliate's is such a number, too.
    """

    record_id: int
    name: bytes
    uses: str


class IndexPage(NamedTuple):
    """Ids of records, the best hit first; `more` says whether there are further hits."""

    ids: list[int]
    more: bool


def index_row(record: Offer | Campaign) -> IndexRow:
    """Make the row of a record."""
    record_id = record.offer_id if isinstance(record, Offer) else record.campaign_id
    uses = [offer_id * RELATIONS + relation for relation, offer_id in references(record) if offer_id]
    if isinstance(record, Campaign) and record.affiliate_id:
        uses.append(record.affiliate_id * RELATIONS + _AFFILIATE)
    return IndexRow(record_id, folded(record.name or ""), str(uses))


def folded(text: str) -> bytes:
    """Normalise a name for comparison: case-folded, with single spaces."""
    return " ".join(text.casefold().split()).encode("utf-8", "replace")


class IndexWriter:
    """Fills a new index under a temporary name. Every method raises `IndexBroken`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = path.with_suffix(".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.unlink(missing_ok=True)
            self._database = sqlite3.connect(self._temporary, isolation_level=None)
            # No journal and no sync: nobody reads the file yet, and after a crash it is built again.
            self._database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _SCHEMA)
            self._database.execute("BEGIN")
        except (OSError, sqlite3.Error) as error:
            raise IndexBroken(f"cannot write {path}: {error}") from error

    def add(self, rows: Iterable[IndexRow]) -> None:
        """Add records; of several with one id the last one counts."""
        try:
            self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise IndexBroken(f"cannot write {self.path}: {error}") from error

    def finish(self, version: int) -> None:
        """Give the file its lasting name; it has every change up to the recipe's `version`."""
        try:
            self._database.execute("INSERT INTO state VALUES (?)", [version])
            self._database.execute(f"PRAGMA user_version = {FORMAT}")
            for statement in _AFTER_FILLING.split(";"):
                self._database.execute(statement)
            self._database.execute("COMMIT")
            self._database.close()
            os.replace(self._temporary, self.path)
        except (OSError, sqlite3.Error) as error:
            raise IndexBroken(f"cannot write {self.path}: {error}") from error

    def discard(self) -> None:
        """Delete the file, finished or not."""
        self._database.close()
        for path in (self._temporary, self.path):
            path.unlink(missing_ok=True)


class RecordIndex:
    """A finished index. It and its methods raise `IndexBroken` if the file is missing or not an index."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", timeout=BUSY_SECONDS, isolation_level=None, uri=True
            )
            # A search reads all names: memory-mapped, processes share the pages and none is copied.
            self._database.execute(f"PRAGMA mmap_size = {MAPPED_BYTES}")
            (found,) = self._database.execute("PRAGMA user_version").fetchone()
            if found != FORMAT:
                raise IndexBroken(f"the index {path} has the format {found} instead of {FORMAT}")
            self.version = int(self._database.execute("SELECT version FROM state").fetchone()[0])
        except (sqlite3.Error, TypeError) as error:
            raise self._broken(error) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def search(self, text: str, limit: int, *, only_beginning: bool = False) -> IndexPage:
        """Find records whose names contain every word of `text`; names that begin with it come first.

        With `only_beginning`, only those are found.
        """
        phrase = folded(text)
        if not phrase:
            return IndexPage([], more=False)
        beginning = self._rows(
            "SELECT id, name FROM records WHERE name >= ? AND name < ? ORDER BY name LIMIT ?",
            [phrase, phrase + b"\xff", limit + 1],
        )
        ids = [record_id for record_id, _ in beginning]
        if len(ids) <= limit and not only_beginning:
            words = phrase.split()
            holding = self._rows(
                f"SELECT id, name FROM records WHERE {' AND '.join(['instr(name, ?)'] * len(words))} LIMIT ?",  # noqa: S608
                [*words, RANKED_FITS],
            )
            known = set(ids)
            others = [
                (_rank(name, phrase), record_id) for record_id, name in holding if record_id not in known
            ]
            ids += [record_id for _, record_id in sorted(others)]
        return IndexPage(ids[:limit], more=len(ids) > limit)

    def count_using(self, offer_id: int, relation: Relation, at_most: int) -> int:
        """Count the records that use an offer in this way, up to `at_most`."""
        return self._count(_use(offer_id, relation), at_most)

    def using(self, offer_id: int, relation: Relation, limit: int, after: int = 0) -> list[int]:
        """Return up to `limit` ids above `after`, in order, of records that use an offer in this way."""
        return self._users(_use(offer_id, relation), limit, after)

    def count_of_affiliate(self, affiliate_id: int, at_most: int) -> int:
        """Count an affiliate's campaigns, up to `at_most`."""
        return self._count(affiliate_id * RELATIONS + _AFFILIATE, at_most)

    def of_affiliate(self, affiliate_id: int, limit: int, after: int = 0) -> list[int]:
        """Return up to `limit` ids above `after`, in order, of an affiliate's campaigns."""
        return self._users(affiliate_id * RELATIONS + _AFFILIATE, limit, after)

    def _count(self, use: int, at_most: int) -> int:
        query = "SELECT count(*) FROM (SELECT 1 FROM used_by WHERE use = ? LIMIT ?)"
        return int(self._rows(query, [use, at_most])[0][0])

    def _users(self, use: int, limit: int, after: int) -> list[int]:
        query = "SELECT record_id FROM used_by WHERE use = ? AND record_id > ? ORDER BY record_id LIMIT ?"
        return [int(row[0]) for row in self._rows(query, [use, after, limit])]

    def apply(self, rows: Sequence[IndexRow], gone: Sequence[int], version: int) -> None:
        """Write changed records, delete those that are gone, and note the `version` that this comes to."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            # Another process may have written newer changes in the meantime.
            current = int(self._database.execute("SELECT version FROM state").fetchone()[0])
            if current <= version:
                for record_id in [*gone, *(row.record_id for row in rows)]:
                    self._forget(record_id)
                self._database.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
                self._database.executemany(
                    "INSERT INTO used_by VALUES (?, ?)",
                    [(use, row.record_id) for row in rows for use in msgspec.json.decode(row.uses)],
                )
                self._database.execute("UPDATE state SET version = ?", [version])
            self._database.execute("COMMIT")
            self.version = max(current, version)
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _forget(self, record_id: int) -> None:
        known = self._database.execute("SELECT uses FROM records WHERE id = ?", [record_id]).fetchone()
        if known is None:
            return
        self._database.executemany(
            "DELETE FROM used_by WHERE use = ? AND record_id = ?",
            [(use, record_id) for use in msgspec.json.decode(known[0])],
        )
        self._database.execute("DELETE FROM records WHERE id = ?", [record_id])

    def _rows(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _broken(self, problem: Exception) -> IndexBroken:
        return IndexBroken(f"the index {self._path} cannot be used: {problem}")


def _use(offer_id: int, relation: Relation) -> int:
    """Pack an offer's id and a use of it into one number; ids have at most 18 digits, so 64 bits suffice."""
    return offer_id * RELATIONS + relation


def _rank(name: bytes, phrase: bytes) -> int:
    """Rank a hit: 0 if the phrase begins a word of the name, 1 if it is inside one, 2 if it is in pieces."""
    if b" " + phrase in name:
        return 0
    return 1 if phrase in name else 2
