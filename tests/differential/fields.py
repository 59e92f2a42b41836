"""How the plain reading reads the loosely typed values of raw records: a few lines each, and no compiling."""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

Raw = dict[str, Any]


class Unreadable(ValueError):
    """A restricting value is there and cannot be read."""


def structure(value: Any) -> Any:
    """What a field holds, be it put into text or not; None for nothing. Raises `Unreadable`."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except ValueError:
        raise Unreadable(value) from None


def object_of(value: Any) -> Raw:
    """The same where only an object will do."""
    found = structure(value)
    if not isinstance(found, dict):
        raise Unreadable(value)
    return found


def flag(value: Any) -> bool | None:
    """0 and 1, their words, or none."""
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    return False if word in ("0", "false", "no", "off") else None


def amount(value: Any) -> Decimal | None:
    """Money; None where there is none or it cannot be read."""
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        return None


def id_in(value: Any) -> int:
    """The id of another record; 0 for none."""
    return int(value) if value and str(value).strip().isdecimal() else 0


def countries(value: Any) -> set[str]:
    """The codes of a list of countries. Raises `Unreadable` where it has entries, and none is a code."""
    if value is None or value == "":
        return set()
    entries = re.split(r"[,;|\s]+", value) if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise Unreadable(value)
    words = [str(entry).strip().upper() for entry in entries if str(entry).strip()]
    codes = {"GB" if word == "UK" else word for word in words if re.fullmatch("[A-Z]{2}", word)}
    if words and not codes:
        raise Unreadable(value)
    return codes


def inside(source: Raw, start: str, end: str, now_ms: int) -> bool | None:
    """Whether now lies between two dates: by our clock, else as the file says; None where nothing tells.

    Raises `Unreadable` where a date is no date and the file says nothing.
    """
    first, last = _moment(source.get(start), ends_day=False), _moment(source.get(end), ends_day=True)
    if first is not None and last is not None:
        return first <= now_ms <= last
    frozen = flag(source.get("dateRangePass"))
    if frozen is not None:
        return frozen
    if _is_no_date(source.get(start), first) or _is_no_date(source.get(end), last):
        raise Unreadable(source)
    if first is None and last is None:
        return None
    # One date bounds one side.
    return first <= now_ms if first is not None else now_ms <= (last or 0)


def _moment(value: Any, *, ends_day: bool) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    if ends_day and "T" not in value:
        moment += timedelta(days=1) - timedelta(milliseconds=1)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _is_no_date(value: Any, moment: float | None) -> bool:
    return bool(value) and moment is None


def page(value: Any) -> str | None:
    """A page that a visitor can be sent to; None where there is none."""
    return value if isinstance(value, str) and value.startswith("https://") else None


def position(row: Raw) -> float:
    """A row's `pos`: a finite number, else last."""
    try:
        found = float(row["pos"])
    except (KeyError, TypeError, ValueError):
        return math.inf
    return found if math.isfinite(found) else math.inf


def closes(read: Callable[[], bool]) -> bool:
    """What a restriction says, and true where it cannot be read."""
    try:
        return read()
    except Unreadable:
        return True
