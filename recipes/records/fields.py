"""Reads the loosely typed values of real recipe files.

Numbers come as text, booleans as 0/1 or words, JSON inside strings. A value is read if it can only mean one
thing. An absent one (null or empty text) is no error. An unreadable one is noted as a defect and treated as
absent; if that would let clicks in, the caller passes `closes`, the name of the restriction that is then
unreadable. This module knows nothing of offers, campaigns or rules.
"""

import re
import sys
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import msgspec

from lib.json_nesting import TOO_DEEP, is_too_deep
from recipes.records.blanks import BLANKS, SURROUNDINGS
from recipes.records.countries import NO_COUNTRIES, Countries, countries_in
from recipes.records.instants import BadInstant, instant_ms

MAX_AMOUNT = Decimal(10**12)
# Decimal places of an amount: finer than any currency, and within what DynamoDB can hold.
SMALLEST_STEP = Decimal("1e-12")
SHOWN_VALUE_CHARACTERS = 120

MAX_ID = 10**18 - 1
# Amounts as nearly all are written: they need no clean-up, and equal ones are in memory once.
_USUAL_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
_REMEMBERED_AMOUNTS = 4096
# How many entries of a list are named in its defects if none of them is a country.
NAMED_ENTRIES = 20
# How deep JSON may be nested as text inside JSON; deeper nesting is a mistake.
JSON_DEPTH = 3

# Anything that JSON can hold. Inside `FieldReader`, the name `object` is a method.
JsonValue = object
JsonObject = dict[str, JsonValue]

_TRUE_WORDS = frozenset({"1", "true", "yes", "on", "y", "t"})
_FALSE_WORDS = frozenset({"0", "false", "no", "off", "n", "f"})
# Most statuses and types match this, and need no clean-up.
USUAL_WORDS = frozenset({"public", "private", "regular", "aggregated", "active", "inactive", "pending"})
# Text that is JSON of something other than a word.
_NO_WORD = re.compile(r"[\[{]|[-+.\d]+(e[-+]?\d+)?$|(true|false)$")
# Matches in JSON text: an escaped backslash, a whole surrogate pair, half of one; and unescaped halves.
_SURROGATES = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[\ud800-\udfff]"
)


class Defect(msgspec.Struct, frozen=True):
    """A value of a record that cannot be read. Its rule is off, or decides if it restricts."""

    record_id: int
    field: str
    value: str
    problem: str


def id_of(value: object) -> int | None:
    """Return the positive decimal integer in `value` (a number, or text such as "17"), else None."""
    if type(value) is int:
        return value if 0 < value <= MAX_ID else None
    if isinstance(value, str):
        digits = value.strip(SURROUNDINGS)
        if digits.isascii() and digits.isdigit() and len(digits) <= 18:
            return int(digits) or None
    if isinstance(value, float) and value.is_integer() and 0 < value < 1e15:
        return int(value)
    return None


def word_of(value: object) -> str | None:
    """Return the word in `value` in lower case, without blanks and quotes; None if it is not a word.

    Text that is JSON of something else (a number, a list) is not a word; empty text is the word "".
    """
    if not isinstance(value, str):
        return None
    if value in USUAL_WORDS:
        return value
    word = value.strip(SURROUNDINGS).lower()
    return None if _NO_WORD.match(word) else word


def without_lone_surrogates(text: str) -> str:
    """Replace each half of a surrogate pair in JSON text, escaped or not, by U+FFFD.

    JavaScript cuts text between the halves of an emoji; strict decoders and UTF-8 reject such halves.
    """
    if text.isascii() and "\\u" not in text:
        # Most texts: only an escape or a character beyond ASCII can be such a half.
        return text
    return _SURROGATES.sub(lambda found: found[1] or "\ufffd", text)


class FieldReader:
    """Reads the fields of one raw record, and collects its defects and its `unreadable` restrictions."""

    __slots__ = ("defects", "raw", "record_id", "unreadable")

    def __init__(self, raw: JsonObject, record_id: int) -> None:
        self.raw = raw
        self.record_id = record_id
        self.defects: list[Defect] = []
        self.unreadable: set[str] = set()

    def defect(self, field: str, value: object, problem: str, closes: str = "") -> None:
        """Note that `field` has an unusable `value`, and that the restriction it `closes` is unreadable."""
        shown = value if isinstance(value, str) else repr(value)
        self.defects.append(Defect(self.record_id, field, shown[:SHOWN_VALUE_CHARACTERS], problem))
        if closes:
            self.unreadable.add(closes)

    def text(self, field: str) -> str | None:
        """Read text as it stands; a number becomes text; None if absent or empty."""
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
        """Read text that many records have in common; it is interned, so it is in memory once."""
        value = self.raw.get(field)
        text = value if isinstance(value, str) and value else self.text(field)
        return None if text is None else sys.intern(text)

    def flag(
        self, field: str, source: JsonObject | None = None, path: str = "", closes: str = ""
    ) -> bool | None:
        """Read a boolean, 0/1 or words for them ("0" and "n" are false); None if absent."""
        value = (self.raw if source is None else source).get(field)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, int | float):
            if value in (0, 1):
                return value == 1
        elif isinstance(value, str):
            word = value.strip(SURROUNDINGS).lower()
            if word in _TRUE_WORDS:
                return True
            if word in _FALSE_WORDS:
                return False
            if word in ("", "null"):
                return None
        self.defect(path + field, value, "is neither true nor false", closes)
        return None

    def reference(
        self, field: str, source: JsonObject | None = None, path: str = "", closes: str = ""
    ) -> int:
        """Read the id of another record; 0 if there is none (absent, 0, or unreadable, which is a defect)."""
        value = (self.raw if source is None else source).get(field)
        if value is None or (type(value) is int and 0 <= value <= MAX_ID):
            return value or 0
        found = id_of(value)
        if found is None:
            if value not in (0, "", "0", False):
                self.defect(path + field, value, "is not an id", closes)
            return 0
        return found

    def amount(self, field: str, source: JsonObject | None = None, path: str = "") -> Decimal | None:
        """Read money or a percentage, zero or more, as an exact decimal; None if absent."""
        value = (self.raw if source is None else source).get(field)
        if value is None or value == "":
            return None
        if type(value) is int and 0 <= value < 10**12:
            return Decimal(value)
        if isinstance(value, str) and (usual := _usual_amount(value)) is not None:
            return usual
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                amount = Decimal(str(value).strip(SURROUNDINGS))
            except InvalidOperation:
                amount = Decimal("NaN")
            if amount.is_finite() and 0 <= amount < MAX_AMOUNT:
                return _plain(amount)
        self.defect(path + field, value, "is not an amount")
        return None

    def identifier(self, field: str) -> int | None:
        """Read an id that is only passed on; None if there is none."""
        return self.reference(field) or None

    def instant_ms(
        self, field: str, source: JsonObject, path: str = "", *, ends_day: bool = False
    ) -> int | None:
        """Read a date as milliseconds since the epoch (UTC if it has no zone); None if absent.

        A date without a time is the beginning of its day, or with `ends_day` its last millisecond.
        """
        try:
            return instant_ms(source.get(field), ends_day=ends_day)
        except BadInstant:
            self.defect(path + field, source.get(field), "is not a date")
            return None

    def countries(self, field: str, source: JsonObject | None = None, path: str = "") -> Countries:
        """Read a list of countries such as "CN, ru" or ["CN"]; each entry that is none is a defect."""
        value = (self.raw if source is None else source).get(field)
        if value is None:
            return NO_COUNTRIES
        found = countries_in(value)
        for entry in found.unreadable[:NAMED_ENTRIES]:
            self.defect(path + field, entry, "is not a country's code")
        return found

    def json(
        self, field: str, source: JsonObject | None = None, path: str = "", closes: str = ""
    ) -> JsonValue:
        """Read JSON inside text (or a value that was never put into text); None if absent."""
        value = found = (self.raw if source is None else source).get(field)
        if value is None:
            return None
        for _ in range(JSON_DEPTH):
            if not isinstance(found, str):
                break
            text = found.strip(BLANKS)
            if not text:
                return None
            try:
                found = msgspec.json.decode(without_lone_surrogates(text))
            except (ValueError, RecursionError):
                self.defect(path + field, value, "is not JSON", closes)
                return None
            if is_too_deep(text, found):
                self.defect(path + field, value, f"is {TOO_DEEP}", closes)
                return None
        return found

    def object(
        self, field: str, source: JsonObject | None = None, path: str = "", closes: str = ""
    ) -> JsonObject | None:
        """Read an object, or JSON text of one; None if absent."""
        value = self.json(field, source, path, closes)
        if value is None or isinstance(value, dict):
            return value
        self.defect(path + field, value, "is not an object", closes)
        return None

    def rows(self, field: str, value: JsonValue, closes: str = "") -> list[JsonObject]:
        """Read the objects of a list; anything else is a defect, and `closes` if no object is left."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.defect(field, value, "is not a list", closes)
            return []
        rows = [row for row in value if isinstance(row, dict)]
        if len(rows) < len(value):
            self.defect(field, value, "holds something that is not an object", "" if rows else closes)
        return rows


@lru_cache(_REMEMBERED_AMOUNTS)
def _usual_amount(text: str) -> Decimal | None:
    """Return the amount in digits with or without decimal places, as `_plain` would; None for other texts."""
    if not _USUAL_AMOUNT.fullmatch(text):
        return None
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def _plain(amount: Decimal) -> Decimal:
    """Remove trailing zeros and exponent, so that equal amounts (5.50000000, 5.5) are written alike."""
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -12:
        amount = amount.quantize(SMALLEST_STEP)
    normal = amount.normalize()
    return normal.quantize(Decimal(1)) if normal.as_tuple().exponent > 0 else normal  # type: ignore[operator]
