"""Reads what restricts an offer or a campaign: statuses, countries, dates, caps, candidates.

A restriction that is set and cannot be read is added to the reader's `unreadable`. Its rule then sends clicks
away, so that a typing error lets nobody in.
"""

import sys
from contextlib import suppress

from recipes.records.fields import FieldReader, word_of
from recipes.records.parts import Candidate, Caps, ClickLimit, DateRange

COUNTRIES, DATES, CAPS, CANDIDATES = "countries", "dates", "caps", "candidates"
AFFILIATE_STATUS = "affiliateStatus"
ACTIVE = "active"
CAMPAIGN_STATUSES = frozenset({ACTIVE, "inactive", "pending", "blocked", "rejected"})
BLACKLISTED = "blacklisted"
_SHOWN_WORD_CHARACTERS = 40
NOTHING_UNREADABLE: frozenset[str] = frozenset()

# The counters in `capInfo`, each with its part in the names of the flags.
_COUNTED = (("sales", "capsSales"), ("clicks", "capsClicks"))
_CAP_FLAGS = tuple(f"{name}{side}Limit" for _, name in _COUNTED for side in ("Over", "Under"))
PERIODS = ("day", "week", "month")
_READABLE = (None, 0, 1)
_NOT_SET: tuple[object, ...] = (None, "", [], {})


def unreadable(read: FieldReader) -> frozenset[str]:
    """Return the names of the restrictions that turned out to be unreadable."""
    return frozenset(read.unreadable) if read.unreadable else NOTHING_UNREADABLE


def read_campaign_status(read: FieldReader) -> str | None:
    """Read the status; anything but a known one is a defect that blocks the campaign."""
    value = read.raw.get("campaignStatus")
    status = word_of(value) or None
    if status not in CAMPAIGN_STATUSES:
        read.defect("campaignStatus", value, "is not a known status; the campaign is blocked")
    return None if status is None else sys.intern(status[:_SHOWN_WORD_CHARACTERS])


def read_affiliate_status(read: FieldReader) -> str | None:
    """Read the affiliate's status; "blacklisted" blocks, and so does a value that is not a word."""
    value = read.raw.get("affiliateStatus")
    if value is None:
        return None
    status = word_of(value)
    if status is None:
        problem = "is not a status; the affiliate is blocked"
        read.defect("affiliateStatus", value, problem, AFFILIATE_STATUS)
    return sys.intern(status[:_SHOWN_WORD_CHARACTERS]) if status else None


def read_restricted_countries(read: FieldReader) -> frozenset[str]:
    """Read the countries whose visitors an offer may not have."""
    found = read.countries("countriesRestrictions")
    if not found.is_readable:
        read.unreadable.add(COUNTRIES)
    return found.codes


def read_dates(read: FieldReader) -> DateRange | None:
    """Read start and end of an offer; None if its dates are not set up."""
    if not _is_set_up(read, "startEndDateSetup", "useStartEndDate", DATES):
        return None
    setting = _set_up(read, "startEndDateSetting", ("startDate", "endDate", "dateRangePass"), DATES)
    if setting is None:
        return None
    dates = _date_range(read, "startEndDateSetting.", setting, ("startDate", "endDate"), DATES)
    return None if DATES in read.unreadable else dates


def read_caps(read: FieldReader, redirect_field: str) -> Caps | None:
    """Read the caps, None if they are not set up; `redirect_field` of `capInfo` may name another offer."""
    if not _is_set_up(read, "capSetup", "capsEnabled", CAPS):
        return None
    info = _set_up(read, "capInfo", (*_CAP_FLAGS, redirect_field), CAPS)
    if info is None:
        return None
    over_limit, under_limit = _standing(read, info)
    dates = None
    if read.flag("dateRangeSetUp", info, "capInfo.", CAPS):
        dates = _date_range(read, "capInfo.", info, ("dateStart", "dateEnd"), CAPS)
    redirect_offer_id = read.reference(redirect_field, info, "capInfo.", CAPS)
    if CAPS in read.unreadable:
        return None
    caps_type = info.get("capsType")
    return Caps(
        over_limit=over_limit,
        under_limit=under_limit,
        dates=dates,
        redirect_offer_id=redirect_offer_id,
        caps_type=caps_type if isinstance(caps_type, str) and caps_type else None,
        click_limits=read_limits(read, info, "clicks"),
    )


def _is_set_up(read: FieldReader, computed: str, switch: str, closes: str) -> bool:
    """Return what the flag says that co-recipe computes.

    Without the flag nothing is set up, unless even the network's own `switch` cannot be read.
    """
    if computed not in read.raw and read.raw.get(switch) in _READABLE:
        # Most records take this short cut.
        return False
    set_up = read.flag(computed, closes=closes)
    if set_up is None and closes not in read.unreadable:
        read.flag(switch, closes=closes)
    return bool(set_up)


def _set_up(read: FieldReader, field: str, names: tuple[str, ...], closes: str) -> dict[str, object] | None:
    """Read the object with the set-up values; a missing one, or one without any of `names`, is a defect."""
    found = read.object(field, closes=closes)
    if closes in read.unreadable:
        return None
    if found is None:
        read.defect(field, read.raw.get(field), "is missing, though it is set up", closes)
    elif not any(name in found for name in names):
        problem = f"holds none of {', '.join(names)}" if found else "is empty, though it is set up"
        read.defect(field, found, problem, closes)
        return None
    return found


def _date_range(
    read: FieldReader, path: str, source: dict[str, object], names: tuple[str, str], closes: str
) -> DateRange:
    """Read both dates, and the verdict that counts if one of them is missing or not a date.

    An offer whose end is before its start never runs. Caps with such dates cannot be read: they would never
    apply.
    """
    before = len(read.defects)
    start_ms = read.instant_ms(names[0], source, path)
    end_ms = read.instant_ms(names[1], source, path, ends_day=True)
    frozen_pass = read.flag("dateRangePass", source, path)
    if start_ms is None or end_ms is None:
        if frozen_pass is None and len(read.defects) > before:
            read.unreadable.add(closes)
    elif end_ms < start_ms:
        closed = CAPS if closes == CAPS else ""
        read.defect(path + names[1], source.get(names[1]), "is before the start", closed)
    return DateRange(start_ms, end_ms, frozen_pass)


def _standing(read: FieldReader, info: dict[str, object]) -> tuple[bool, bool]:
    """Return whether a cap is over its limit, and whether one is under it."""
    is_over = is_under = False
    for counter, name in _COUNTED:
        over = read.flag(f"{name}OverLimit", info, "capInfo.", CAPS)
        under = read.flag(f"{name}UnderLimit", info, "capInfo.", CAPS)
        is_over |= bool(over)
        is_under |= bool(under)
        if not over and not under and (over is None or under is None) and _has_limit(info.get(counter)):
            problem = "has a limit, but no flag tells how it stands"
            read.defect(f"capInfo.{counter}", info.get(counter), problem, CAPS)
    return is_over, is_under


def _has_limit(counter: object) -> bool:
    """Return whether a counter of `capInfo` has a limit for day, week or month; if unreadable, it may."""
    if not isinstance(counter, dict):
        return counter not in _NOT_SET
    for period in counter.values():
        if period is not None and not isinstance(period, dict):
            return True
        if period and period.get("limit") not in (None, "", 0, "0", False):
            return True
    return False


def read_limits(read: FieldReader, info: dict[str, object], counted: str) -> tuple[ClickLimit, ...]:
    """Read how many "clicks" or "sales" a period may have and has had; limits that are empty or 0 are none.

    One that cannot be read is a defect that closes nothing: the flags tell how the caps stand.
    """
    if info.get(counted) in _NOT_SET:
        return ()
    counter = read.object(counted, info, "capInfo.") or {}
    found = []
    for period in PERIODS:
        path = f"capInfo.{counted}.{period}."
        row = None
        if counter.get(period) not in _NOT_SET:
            row = read.object(period, counter, f"capInfo.{counted}.")
        if not row:
            continue
        limit, current = (_number(read, name, row, path) for name in ("limit", "current"))
        if limit and current is not None:
            found.append(ClickLimit(period, current, limit))
    return tuple(found)


def _number(read: FieldReader, name: str, row: dict[str, object], path: str) -> int | None:
    """Read a number of clicks or sales, 0 if absent or below zero; None if it cannot be read, a defect."""
    value = row.get(name)
    if value in _NOT_SET or value is False:
        return 0
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return max(0, int(float(value)))
    read.defect(path + name, value, "is not a number of clicks")
    return None


def read_candidates(read: FieldReader) -> tuple[Candidate, ...]:
    """Read the candidates of an aggregated offer, in the order of the file."""
    field = "offersAggregatedIds"
    rows = read.rows(field, read.json(field, closes=CANDIDATES), CANDIDATES)
    found = tuple(
        _candidate(read, offer_id, row)
        for row in rows
        if (offer_id := read.reference("aggregatedOfferId", row, f"{field}."))
    )
    if rows and not found:
        read.defect(field, rows, "names no offer", CANDIDATES)
    return found


def _candidate(read: FieldReader, offer_id: int, row: dict[str, object]) -> Candidate:
    """Read one row. Its `dateRangeNotPass` is ignored: co-recipe writes the opposite of the name into it."""
    restricted = read.countries("countriesRestrictions", row, "offersAggregatedIds.")
    closed_by = None if restricted.is_readable else "its countries cannot be read"
    for name, why in (
        ("capsOverLimitSales", "its sales cap is exceeded"),
        ("capsOverLimitClicks", "its clicks cap is exceeded"),
    ):
        before = len(read.defects)
        if read.flag(name, row, "offersAggregatedIds."):
            closed_by = closed_by or why
        elif len(read.defects) > before:
            closed_by = closed_by or f"its {name} cannot be read"
    return Candidate(offer_id, restricted.codes, closed_by)
