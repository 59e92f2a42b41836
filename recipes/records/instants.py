"""Reads times in recipes: dates with or without a time of day, or counts of seconds or milliseconds."""

import re
from datetime import UTC, date, datetime, timedelta

from recipes.records.blanks import SURROUNDINGS

_DAY = timedelta(days=1)
_LAST_MS = timedelta(milliseconds=1)
_MIDNIGHT_AT_THE_END = re.compile(r"^(.{8,10}[T ])24(:?00(?::?00(?:\.0+)?)?)(.*)$", re.IGNORECASE)
_SLASHES = re.compile(r"^\d{4}/\d{2}/\d{2}(?!/)")
# Databases write these for "no date".
_ZERO_DATE = re.compile(r"^0000-00-00(?:[T ]00:00:00(?:\.0+)?Z?)?$")
# For dates from 2001 to 2100, counts of seconds and of milliseconds cannot be confused.
_EARLIEST_SECONDS, _LATEST_SECONDS = 978_307_200, 4_102_444_800
_EPOCH = re.compile(r"^\d{9,13}$")


class BadInstant(ValueError):
    """The value is not a time."""


def instant_ms(value: object, *, ends_day: bool = False) -> int | None:
    """Return milliseconds since the epoch, None for no date. Times without a zone are UTC.

    A date without a time is the beginning of that day, or with `ends_day` its last millisecond. Raises
    `BadInstant` for anything else.
    """
    if isinstance(value, str):
        text = value.strip(SURROUNDINGS)
        if not text or _ZERO_DATE.match(text):
            return None
        return _epoch(int(text)) if _EPOCH.match(text) else _in_words(text, ends_day)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return _epoch(int(value))
    raise BadInstant


def _epoch(count: int) -> int:
    if _EARLIEST_SECONDS <= count <= _LATEST_SECONDS:
        return count * 1000
    if _EARLIEST_SECONDS <= count // 1000 <= _LATEST_SECONDS:
        return count
    raise BadInstant


def _in_words(text: str, ends_day: bool) -> int:
    if _SLASHES.match(text):
        text = text.replace("/", "-", 2)
    later = timedelta()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        if at_the_end := _MIDNIGHT_AT_THE_END.match(text):
            text, later = "{}00{}{}".format(*at_the_end.groups()), _DAY
    else:
        text, later = day.isoformat(), _DAY - _LAST_MS if ends_day else later
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) + later
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadInstant from None
