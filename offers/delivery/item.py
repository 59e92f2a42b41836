"""Makes the click table's item of a click in the log, in the JSON that DynamoDB takes."""

from functools import lru_cache
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


_Attributes = dict[str, Any]
# Fractions never become floats: they keep every digit, as it was written.
_decode = msgspec.json.Decoder(_Attributes, float_hook=_Number).decode
_encode = msgspec.json.Encoder().encode

# Between these names a record has what all clicks with a decision share (`offers/click_log/record.py`).
# Neither can stand inside a text, where JSON has a backslash before a quotation mark.
_DECISION, _VISITOR, _VISITOR_WITHOUT_PLACE = b',"eventType":', b',"country":', b',"IP":'
# Two kilobytes each.
DECISIONS = 8192
# What no decision says; a click that we did not write may say it anywhere.
_NOT_DECIDED = frozenset(("lid", "isUniqueVisit", "isUniqueVisitAssumed"))


def item(entry: Entry) -> Item:
    """Make the table's item of a click in the log. Amounts keep every digit. Raises `BadClick`.

    If the visitor could not be looked up, `isUniqueVisitAssumed` stands beside `isUniqueVisit`.
    """
    click, decision = entry.click, b""
    if (start := click.find(_DECISION)) > 0:
        end = click.find(_VISITOR, start)
        if end < 0:
            end = click.find(_VISITOR_WITHOUT_PLACE, start)
        if end > 0 and (decision := _decision_attributes(click[start:end])):
            click = click[:start] + click[end:]
    attributes = _attributes(click)
    lid = attributes.get("lid")
    if not isinstance(lid, _String) or not lid.text:
        raise BadClick("a record without a lid")
    if (unique := IS_UNIQUE.get(entry.unique)) is not None:
        attributes["isUniqueVisit"] = _Flag(unique)
    if entry.unique == ASSUMED:
        attributes["isUniqueVisitAssumed"] = _Flag(True)
    return Item(lid.text, b"%b%b}" % (_encode(attributes)[:-1], decision))


@lru_cache(DECISIONS)
def _decision_attributes(part: bytes) -> bytes:
    """Return the attributes of a decision's part of a record, `,"eventType":…`; b"" where it is none."""
    try:
        attributes = _attributes(b"{%b}" % part[1:])
    except BadClick:
        # The record as a whole tells what is wrong.
        return b""
    is_shared = attributes and _NOT_DECIDED.isdisjoint(attributes)
    return b",%b" % _encode(attributes)[1:-1] if is_shared else b""


def _attributes(click: bytes) -> _Attributes:
    """Return the fields of a record as attributes. Raises `BadClick`."""
    try:
        attributes = _decode(click)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadClick(f"not a record: {error}") from error
    has_null = False
    for name, value in attributes.items():
        kind = type(value)
        if kind is str:
            attributes[name] = _String(value)
        elif kind is int:
            attributes[name] = _Number(str(value))
        elif kind is bool:
            attributes[name] = _Flag(value)
        elif value is None:
            has_null = True
        elif kind is not _Number:
            raise BadClick(f"{name} is neither text nor number nor boolean")
    if has_null:
        attributes = {name: value for name, value in attributes.items() if value is not None}
    return attributes
