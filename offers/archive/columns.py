"""The columns of the archive: every field that a click record can have, with its type."""

from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, cast, get_args

import msgspec

from offers.click_log.record import ClickPart, DecisionPart, VisitorPart

# Amounts have up to 28 digits before the point and 10 behind it; nothing that a network pays has more.
AMOUNT = "DECIMAL(38, 10)"
TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
# A boolean is an integer to Python, so it comes first; enums are written as words.
TYPES = {str: "VARCHAR", Enum: "VARCHAR", bool: "BOOLEAN", int: "BIGINT", Decimal: AMOUNT}
# Numbers in the record, and how many of them make a second.
TIMES = {"dateAdded": 1000, "ttl": 1}
# They stand beside the record in the log.
UNIQUE_FIELDS = ("isUniqueVisit", "isUniqueVisitAssumed")


class Column(NamedTuple):
    """A column: its name, its type in JSON as DuckDB reads it, and the type that the archive has."""

    name: str
    json_type: str
    type: str

    @property
    def expression(self) -> str:
        """The value of the column in the archive, made of its value in JSON."""
        if self.name in TIMES:
            # A time that no timestamp can be is null, as other values of the wrong type are.
            return f'TRY(to_timestamp("{self.name}" / {TIMES[self.name]})) AS "{self.name}"'
        return f'"{self.name}"'


def _columns() -> tuple[Column, ...]:
    parts = (ClickPart, DecisionPart, VisitorPart)
    kinds = {field.encode_name: _kind(field.type) for part in parts for field in msgspec.structs.fields(part)}
    types = {name: _type(kind) for name, kind in (kinds | dict.fromkeys(UNIQUE_FIELDS, bool)).items()}
    return tuple(Column(name, type_, TIMESTAMP if name in TIMES else type_) for name, type_ in types.items())


def _type(kind: type) -> str:
    return next(type_ for base, type_ in TYPES.items() if issubclass(kind, base))


def _kind(annotation: Any) -> type:
    """Return the type of a field that may be None."""
    (kind,) = (kind for kind in get_args(annotation) or (annotation,) if kind is not type(None))
    return cast(type, kind)


COLUMNS = _columns()
# All of them, as a statement names them.
EVERY_COLUMN = ", ".join(f'"{column.name}"' for column in COLUMNS)
