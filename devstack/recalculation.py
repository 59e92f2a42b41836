"""Recalculates records as co-recipe does with those of its database, with the habits of the real one.

The flags about a candidate are frozen when its aggregated offer is recalculated, `dateRangeNotPass` holds the
opposite of its name, and now and then a recalculation fails: `[]` stands for the record then.
"""

import time
from datetime import datetime
from typing import Any

from devstack.truth import Kind, Truth

# Every so many files, and every so many updates, one record fails; 0 for none.
BROKEN_EVERY = 100


class Recalculation:
    """Recalculates records of one truth; which ones fail depends on their count alone."""

    def __init__(self, truth: Truth, broken_every: int = BROKEN_EVERY) -> None:
        self._truth = truth
        self._broken_every = broken_every
        self._files = self._updates = 0

    def file(self, kind: Kind) -> list[Any]:
        """Return the records of a file, as they are now."""
        records: list[Any] = all_recalculated(self._truth, kind)
        self._files += 1
        if records and self._fails(self._files):
            records[self._files % len(records)] = []
        return records

    def update(self, kind: Kind, record_id: int) -> dict[str, Any] | list[Any] | None:
        """Return the body of an update, without `descriptions`; `[]` after an error, None to send nothing."""
        record = self._truth.get(kind, record_id)
        if record is None:
            # For a missing offer nothing is sent, for a missing campaign the empty result of the query.
            return None if kind == "offer" else []
        self._updates += 1
        if self._fails(self._updates):
            return []
        found = _recalculated(record, kind, self._truth)
        return {name: value for name, value in found.items() if name != "descriptions"}

    def parent(self, offer_id: int) -> tuple[int, dict[str, Any] | list[Any]] | None:
        """Return the update of an offer's first aggregated parent; a deleted parent is an empty shell."""
        parents = self._truth.parents(offer_id)
        if not parents:
            return None
        return parents[0], self.update("offer", parents[0]) or {"payin": None, "payout": None}

    def _fails(self, count: int) -> bool:
        return bool(self._broken_every) and count % self._broken_every == 0


def all_recalculated(truth: Truth, kind: Kind) -> list[Any]:
    """Return all records of a kind, recalculated without a failure."""
    return [_recalculated(record, kind, truth) for record in truth.all(kind)]


def size_estimate(value: Any) -> int:
    """Estimate the size of a recipe in bytes as the real co-recipe does: this is the number it announces.

    Keys do not count, and every number and every flag is as large as any other.
    """
    if isinstance(value, bool):
        return 4
    if isinstance(value, int | float):
        return 8
    if isinstance(value, str):
        return 2 * len(value)
    if isinstance(value, list | dict):
        return sum(map(size_estimate, value.values() if isinstance(value, dict) else value))
    return 0


def _recalculated(record: dict[str, Any], kind: Kind, truth: Truth) -> dict[str, Any]:
    if kind == "campaign":
        return record
    found: dict[str, Any] = {**record}
    setting = record.get("startEndDateSetting")
    if record.get("startEndDateSetup") and isinstance(setting, dict):
        found["startEndDateSetting"] = setting | {"dateRangePass": _is_inside(setting)}
    if isinstance(record.get("offersAggregatedIds"), list):
        found["offersAggregatedIds"] = [_row(row, truth) for row in record["offersAggregatedIds"]]
    return found


def _row(row: dict[str, Any], truth: Truth) -> dict[str, Any]:
    """Return a candidate's row, with the present state of its own record."""
    found: dict[str, Any] = {name: row[name] for name in ("aggregatedOfferId", "margin") if name in row}
    offer = truth.get("offer", int(row["aggregatedOfferId"]))
    if offer is None:
        return found
    if offer.get("countriesRestrictions"):
        found["countriesRestrictions"] = offer["countriesRestrictions"]
    info = offer.get("capInfo")
    if offer.get("capSetup") and isinstance(info, dict):
        found["capsOverLimitSales"] = info.get("capsSalesOverLimit")
        found["capsOverLimitClicks"] = info.get("capsClicksOverLimit")
    setting = offer.get("startEndDateSetting")
    if offer.get("startEndDateSetup") and isinstance(setting, dict):
        # The real one copies the verdict into a field whose name means its opposite.
        found["dateRangeNotPass"] = _is_inside(setting)
    return found


def _is_inside(setting: dict[str, Any]) -> bool | None:
    try:
        start, end = (datetime.fromisoformat(setting[name]).timestamp() for name in ("startDate", "endDate"))
    except (KeyError, TypeError, ValueError):
        return setting.get("dateRangePass")
    return start <= time.time() <= end
