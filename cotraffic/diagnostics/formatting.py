"""Numbers, durations and times as people read them; `static/diagnostics/times.js` says the same."""

from datetime import UTC, datetime
from decimal import Decimal

_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_SHOWN_DESTINATION = 60
_SIZES = ("bytes", "kB", "MB", "GB", "TB")
_JUST_NOW_SECONDS = 2


def number(value: float | None) -> str:
    """Format a number with commas, and at most two decimals."""
    if value is None:
        return "-"
    return _trimmed(f"{value:,.2f}")


def money(value: float | Decimal | None) -> str:
    """Format an amount with commas and two decimals at most; below 1 four, or one digit that is not 0."""
    if value is None:
        return "-"
    if not -1 < value < 1:
        return _trimmed(f"{value:,.2f}")
    text = _trimmed(f"{value:.4f}")
    return text if text != "0" or not value else f"{Decimal(f'{value:.1g}'):f}"


def duration(seconds: float) -> str:
    """Format a duration with at most two units: "350 ms", "1.2 s", "3 min 5 s", "2 days 4 h"."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 10:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for at, (unit, length) in enumerate(_UNITS):
        if whole >= length:
            count, rest = divmod(whole, length)
            text = _counted(count, unit)
            smaller = _UNITS[at + 1 : at + 2]
            if smaller and rest >= smaller[0][1]:
                text += f" {_counted(rest // smaller[0][1], smaller[0][0])}"
            return text
    raise AssertionError("a second or more has a unit")


def relative(at_seconds: float, now_seconds: float) -> str:
    """Format a time as the distance from now, in one unit: "just now", "3 min ago", "in 2 h"."""
    distance = now_seconds - at_seconds
    if abs(distance) < _JUST_NOW_SECONDS:
        return "just now"
    for unit, length in _UNITS:
        count = int(abs(distance) // length)
        if count:
            text = _counted(count, unit)
            return f"{text} ago" if distance > 0 else f"in {text}"
    raise AssertionError("two seconds or more have a unit")


def file_size(size_bytes: float) -> str:
    """Format a size in powers of a thousand: "512 bytes", "1.2 MB"."""
    size, unit = float(size_bytes), 0
    while size >= 1000 and unit < len(_SIZES) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {_SIZES[unit]}" if unit else f"{int(size):,} bytes"


def absolute(at_seconds: float) -> str:
    """Format a time with its zone: "2026-11-25 02:25:10 UTC"."""
    return datetime.fromtimestamp(at_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at_seconds: float) -> str:
    """Format a time for machines: "2026-11-25T02:25:10Z"."""
    return datetime.fromtimestamp(at_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def destination(url: str | None) -> str:
    """Shorten a page's URL to host and path; "" for none."""
    if not url:
        return ""
    without_scheme = url.partition("://")[2] or url
    shown = without_scheme.partition("?")[0].partition("#")[0].removesuffix("/")
    return shown if len(shown) <= _SHOWN_DESTINATION else f"{shown[:_SHOWN_DESTINATION]}…"


def _trimmed(text: str) -> str:
    """Drop the zeros at the end of a number with decimals, and the sign of a zero."""
    short = text.rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}s" if unit == "day" and count != 1 else f"{count:,} {unit}"
