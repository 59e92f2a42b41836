"""Makes the click table's item of a click in the log, in the JSON that DynamoDB takes."""

from typing import Any, NamedTuple

import msgspec

from offers.click_log.stream import ASSUMED, IS_UNIQUE
from offers.click_log.types import Entry


class Item(NamedTuple):
    """An item of the table: its key, and all of its attributes as DynamoDB's JSON."""

    lid: str
    attributes: bytes


class BadClick(Exception):
    """An entry of the log is not a click, so it can never be an item; the message says why."""


class _String(msgspec.Struct, frozen=True, gc=False, rename={"text": "S"}):
    """An attribute in DynamoDB's JSON; a struct is made and encoded faster than a dictionary."""

    text: str


class _Number(msgspec.Struct, frozen=True, gc=False, rename={"digits": "N"}):
    digits: str


class _Flag(msgspec.Struct, frozen=True, gc=False, rename={"flag": "BOOL"}):
    flag: bool


# Fractions never become floats: they keep every digit, as it was written.
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=_Number).decode
_encode = msgspec.json.Encoder().encode


def item(entry: Entry) -> Item:
    """Make the table's item of a click in the log. Amounts keep every digit. Raises `BadClick`.

    If the visitor could not be looked up, `isUniqueVisitAssumed` stands beside `isUniqueVisit`.
    """
    try:
        attributes = _decode(entry.click)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadClick(f"not a record: {error}") from error
    lid = attributes.get("lid")
    if not isinstance(lid, str) or not lid:
        raise BadClick("a record without a lid")
    for name, value in attributes.items():
        kind = type(value)
        if kind is str:
            attributes[name] = _String(value)
        elif kind is int:
            attributes[name] = _Number(str(value))
        elif kind is bool:
            attributes[name] = _Flag(value)
        elif kind is not _Number and value is not None:
            raise BadClick(f"{name} is neither text nor number nor boolean")
    if None in attributes.values():
        attributes = {name: value for name, value in attributes.items() if value is not None}
    if (unique := IS_UNIQUE.get(entry.unique)) is not None:
        attributes["isUniqueVisit"] = _Flag(unique)
    if entry.unique == ASSUMED:
        attributes["isUniqueVisitAssumed"] = _Flag(True)
    return Item(lid, _encode(attributes))
