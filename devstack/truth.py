"""The source of truth that co-admin-back edits and co-recipe reads: raw records in a SQLite file."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from devstack.demo import demo_campaigns, demo_offers

Kind = Literal["offer", "campaign"]
KINDS: tuple[Kind, ...] = ("offer", "campaign")
ID_FIELDS: dict[Kind, str] = {"offer": "offerId", "campaign": "campaignId"}
FILE_NAME = "truth.sqlite3"
LOCK_SECONDS = 10.0


class NoTruth(Exception):
    """The file is missing; the message says how to get one."""


class Truth:
    """The records of both kinds. Several processes may use one file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NoTruth(f"there are no records at {path}; `make dev` makes them")
        self._path = path

    @classmethod
    def seeded(cls, path: Path, pages_url: str) -> "Truth":
        """Open the truth at `path`; a new one gets the demo network if there is none for these pages."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS made_for (pages_url TEXT PRIMARY KEY)")
            database.execute(
                "CREATE TABLE IF NOT EXISTS records "
                "(kind TEXT, id INTEGER, body TEXT, PRIMARY KEY (kind, id))"
            )
            # Relations outlive the aggregated offers that they belonged to, as in the real database.
            database.execute("CREATE TABLE IF NOT EXISTS deleted_parents (id INTEGER PRIMARY KEY, body TEXT)")
            if database.execute("SELECT 1 FROM made_for WHERE pages_url = ?", [pages_url]).fetchone() is None:
                database.execute("DELETE FROM made_for")
                database.execute("DELETE FROM records")
                database.execute("DELETE FROM deleted_parents")
                database.execute("INSERT INTO made_for VALUES (?)", [pages_url])
                _insert(database, "offer", demo_offers(pages_url))
                _insert(database, "campaign", demo_campaigns())
        return cls(path)

    def get(self, kind: Kind, record_id: int) -> dict[str, Any] | None:
        """Return a record, None if there is none."""
        with self._open() as database:
            query = "SELECT body FROM records WHERE kind = ? AND id = ?"
            row = database.execute(query, [kind, record_id]).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, kind: Kind, record: dict[str, Any]) -> None:
        """Create or replace one record."""
        with self._open() as database:
            _insert(database, kind, [record])

    def delete(self, kind: Kind, record_id: int) -> None:
        """Delete a record, if there is one."""
        record = self.get(kind, record_id) or {}
        with self._open() as database:
            if record.get("offersAggregatedIds"):
                row = record_id, json.dumps(record)
                database.execute("INSERT OR REPLACE INTO deleted_parents VALUES (?, ?)", row)
            database.execute("DELETE FROM records WHERE kind = ? AND id = ?", [kind, record_id])

    def all(self, kind: Kind) -> list[dict[str, Any]]:
        """Return all records of a kind, ordered by id."""
        with self._open() as database:
            rows = database.execute("SELECT body FROM records WHERE kind = ? ORDER BY id", [kind]).fetchall()
        return [json.loads(body) for (body,) in rows]

    def parents(self, offer_id: int) -> list[int]:
        """Return the ids of aggregated offers, deleted ones included, that have this one as a candidate."""
        with self._open() as database:
            rows = database.execute("SELECT body FROM deleted_parents").fetchall()
        deleted = [json.loads(body) for (body,) in rows]
        found = {
            offer["offerId"]
            for offer in (*deleted, *self.all("offer"))
            for candidate in offer.get("offersAggregatedIds") or []
            if str(candidate.get("aggregatedOfferId")) == str(offer_id)
        }
        return sorted(found)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=LOCK_SECONDS)) as database, database:
            yield database


def _insert(database: sqlite3.Connection, kind: Kind, records: Iterable[dict[str, Any]]) -> None:
    rows = [(kind, record[ID_FIELDS[kind]], json.dumps(record)) for record in records]
    database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)
