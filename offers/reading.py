"""Reads the loosely typed values of real recipe files.

Numbers come as text, booleans as 0/1 or words, JSON inside strings. A value that is absent (null or empty
text) is no fault; one that cannot be read is noted as a defect, and the reader answers as if it were absent.
It knows nothing of offers, campaigns or rules.
"""

import sys
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

MAX_AMOUNT = Decimal(10**12)
# Finer than any currency, and within what the click record's store can hold.
SMALLEST_STEP = Decimal("1e-12")
SHOWN_VALUE_CHARACTERS = 120

_TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
_FALSE_WORDS = frozenset({"0", "false", "no", "off", ""})


class Defect(msgspec.Struct, frozen=True):
    """One value of one record that could not be read; the rule it belongs to is off."""

    record_id: int
    field: str
    value: str
    problem: str


def id_of(value: object) -> int | None:
    """The positive decimal integer in `value` (a number, or text such as "17"); None when it is none."""
    if type(value) is int:
        return value if value > 0 else None
    if isinstance(value, str):
        digits = value.strip()
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            return int(digits) or None
    if isinstance(value, float) and value.is_integer() and 0 < value < 1e15:
        return int(value)
    return None


class FieldReader:
    """Reads the fields of one raw record and gathers its defects."""

    __slots__ = ("defects", "raw", "record_id")

    def __init__(self, raw: dict[str, Any], record_id: int) -> None:
        self.raw = raw
        self.record_id = record_id
        self.defects: list[Defect] = []

    def defect(self, field: str, value: object, problem: str) -> None:
        """Note that `field` of this record holds a `value` that cannot be used."""
        shown = value if isinstance(value, str) else repr(value)
        self.defects.append(Defect(self.record_id, field, shown[:SHOWN_VALUE_CHARACTERS], problem))

    def text(self, field: str) -> str | None:
        """Text as it stands; a number becomes its text; absent or empty is None."""
        value = self.raw.get(field)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self.defect(field, value, "is not text")
        return None

    def word(self, field: str) -> str | None:
        """The same for text that many records have in common: it is in memory once."""
        text = self.text(field)
        return None if text is None else sys.intern(text)

    def flag(self, field: str, source: dict[str, Any] | None = None, path: str = "") -> bool | None:
        """True or False from a boolean, 0/1 or their words ("0" and "false" are false); None when absent."""
        value = (self.raw if source is None else source).get(field)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, int | float):
            return value != 0
        if isinstance(value, str):
            word = value.strip().lower()
            if word in _TRUE_WORDS:
                return True
            if word in _FALSE_WORDS:
                return False
        self.defect(path + field, value, "is neither true nor false")
        return None

    def reference(self, field: str, source: dict[str, Any] | None = None, path: str = "") -> int:
        """The id of another record; 0 when there is none (absent, 0, or unreadable: then a defect too)."""
        value = (self.raw if source is None else source).get(field)
        if value is None:
            return 0
        found = id_of(value)
        if found is None:
            if value not in (0, "", "0", False):
                self.defect(path + field, value, "is not an id")
            return 0
        return found

    def amount(self, field: str, source: dict[str, Any] | None = None, path: str = "") -> Decimal | None:
        """Money or a percentage as an exact decimal; None when absent."""
        value = (self.raw if source is None else source).get(field)
        if value is None or value == "":
            return None
        if type(value) is int and -(10**12) < value < 10**12:
            return Decimal(value)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                amount = Decimal(str(value).strip())
            except InvalidOperation:
                amount = Decimal("NaN")
            if amount.is_finite() and -MAX_AMOUNT < amount < MAX_AMOUNT:
                return _plain(amount)
        self.defect(path + field, value, "is not an amount")
        return None

    def identifier(self, field: str) -> int | None:
        """An id that is only passed on; None when there is none."""
        return self.reference(field) or None

    def instant_ms(self, field: str, source: dict[str, Any], path: str = "") -> int | None:
        """A date as milliseconds since the epoch (UTC where it names no zone); None when absent."""
        value = source.get(field)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value.strip())
                return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
            except (ValueError, OverflowError):
                pass
        self.defect(path + field, value, "is not a date")
        return None

    def countries(self, field: str, source: dict[str, Any] | None = None, path: str = "") -> frozenset[str]:
        """The upper-case codes of a list such as "CN, ru"; empty when absent."""
        value = (self.raw if source is None else source).get(field)
        if value is None or value == "":
            return frozenset()
        if isinstance(value, str):
            return frozenset(code for part in value.split(",") if (code := part.strip().upper()))
        self.defect(path + field, value, "is not a list of countries")
        return frozenset()

    def json(self, field: str) -> Any:
        """The value of JSON inside text (or of JSON that was never put into text); None when absent."""
        value = self.raw.get(field)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            self.defect(field, value, "is not JSON")
            return None

    def rows(self, field: str, value: Any) -> list[dict[str, Any]]:
        """The objects of a list; what is not an object is a defect of its own."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.defect(field, value, "is not a list")
            return []
        rows = [row for row in value if isinstance(row, dict)]
        if len(rows) < len(value):
            self.defect(field, value, "holds something that is not an object")
        return rows


def _plain(amount: Decimal) -> Decimal:
    """Without trailing zeros or exponent: 5.50000000 and 5.5 are one amount, written one way."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -12:
        amount = amount.quantize(SMALLEST_STEP)
    normal = amount.normalize()
    return normal.quantize(Decimal(1)) if normal.as_tuple().exponent > 0 else normal  # type: ignore[operator]
