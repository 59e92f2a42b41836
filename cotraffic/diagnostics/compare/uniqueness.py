"""Checks by our rule which visits are unique, against the verdicts of another server.

A visit is unique when the visitor (address and user agent) did not click on the campaign in the 24 hours
before. Records do not have the third thing that we look at, Accept-Language.
"""

from hashlib import blake2b
from typing import NamedTuple

from cotraffic.diagnostics.compare.stored import ClickRecord

DAY_MS = 24 * 60 * 60 * 1000


class JudgedVisit(NamedTuple):
    """A visit that is unique on one side only."""

    record: ClickRecord
    words: tuple[str, str]


class UniqueVisits:
    """Collects visits in any order; `judge` sorts them by time, and judges each.

    Visits before the first click are not known: in the first 24 hours a visit can be recognised as repeated,
    but not as unique.
    """

    def __init__(self) -> None:
        self.different: list[JudgedVisit] = []
        self._visits: list[tuple[int, bytes, ClickRecord]] = []

    def add(self, record: ClickRecord, at_ms: int) -> None:
        """Add a visit, unless its record says nothing of uniqueness or of the visitor."""
        visitor = (record.get("IP"), record.get("userAgent"))
        if not isinstance(record.get("isUniqueVisit"), bool | int) or not all(visitor):
            return
        text = "\n".join(str(part) for part in (*visitor, record.get("campaignId")))
        # Only the fields that examples show are kept: there may be millions of records.
        kept = {name: record.get(name) for name in KEPT}
        self._visits.append((at_ms, blake2b(text.encode(errors="replace"), digest_size=12).digest(), kept))

    def judge(self) -> int:
        """Fill `different`. Returns how many visits cannot be judged."""
        unknown = 0
        last_ms: dict[bytes, int] = {}
        self._visits.sort(key=lambda visit: visit[0])
        first_ms = self._visits[0][0] if self._visits else 0
        for at_ms, visitor, record in self._visits:
            before = last_ms.get(visitor)
            is_repeated = before is not None and at_ms - before < DAY_MS
            if not is_repeated:
                # The 24 hours run from the first visit, not from the latest.
                last_ms[visitor] = at_ms
            if not is_repeated and at_ms - first_ms < DAY_MS:
                unknown += 1
            elif bool(record["isUniqueVisit"]) == is_repeated:
                words = ("repeated", "unique") if not is_repeated else ("unique", "repeated")
                self.different.append(JudgedVisit(record, words))
        return unknown


KEPT = ("lid", "dateAdded", "offerId", "originOfferId", "campaignId", "country", "isUniqueVisit")
