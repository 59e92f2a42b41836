"""The amounts of a record's caps, as co-recipe counted them, for staff. No click uses them."""

from collections.abc import Mapping
from typing import NamedTuple

from recipes.records.fields import FieldReader
from recipes.records.restrictions import read_limits

COUNTED = ("clicks", "sales")


class CapAmount(NamedTuple):
    """One limit: `current` of `limit` "clicks" or "sales" (`counted`) of a "day", "week" or "month"."""

    counted: str
    period: str
    current: int
    limit: int

    @property
    def words(self) -> str:
        """The amounts alone, such as `3 of 10 clicks`."""
        return f"{self.current:,} of {self.limit:,} {self.counted}"


def cap_amounts(raw: Mapping[str, object]) -> tuple[CapAmount, ...]:
    """Return the limits in the `capInfo` of a raw record; those that cannot be read are left out."""
    read = FieldReader(dict(raw), 0)
    info = read.object("capInfo")
    if not info:
        return ()
    return tuple(
        CapAmount(counted, found.period, found.current, found.limit)
        for counted in COUNTED
        for found in read_limits(read, info, counted)
    )


def caps_in_words(raw: Mapping[str, object]) -> str:
    """Say the amounts and the flags of a record's caps in one line, "" if it has no limits."""
    amounts = cap_amounts(raw)
    if not amounts:
        return ""
    info = FieldReader(dict(raw), 0).object("capInfo") or {}
    flags = [
        f"{side.lower()} its limit of {counted}"
        for counted in COUNTED
        for side in ("Over", "Under")
        if info.get(f"caps{counted.capitalize()}{side}Limit") in (True, 1, "1", "true")
    ]
    words = ", ".join(f"{found.words} of the {found.period}" for found in amounts)
    return "; ".join([words, *flags])
