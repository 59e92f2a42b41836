"""Groups refused clicks: by reason, by referring host, by affiliate, by day of UTC.

All refused clicks are counted by reason and hour; the newest are kept as rows. So groups by reason and by day
are exact, unless only clicks of one host or affiliate are wanted.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

import msgspec

from cotraffic.diagnostics.words import refusal_entry
from offers.stats.types import NEWEST_REFUSALS, REFUSED_DAYS, RefusedClick

# The value, in an address, of clicks that came without a referer, or whose affiliate is not known.
NONE = "-"
TITLES = {"reason": "Reason", "referer": "Referer", "affiliate": "Affiliate", "day": "Day"}
_NONE_TEXTS = {"referer": "no referer", "affiliate": "not known"}
MOST_GROUPS = 50

# Refusals of each hour by reason, with its start in seconds since the epoch.
HourlyCounts = Sequence[tuple[int, dict[str, int]]]


class RefusedFilter(msgspec.Struct, frozen=True):
    """Which refused clicks are wanted: `chosen` has a value for some of `TITLES`."""

    chosen: Mapping[str, str]

    def fits(self, values: Mapping[str, str], but: str = "") -> bool:
        """Return whether a click with these values is wanted, whatever its value of `but`."""
        return all(values[name] == value for name, value in self.chosen.items() if name != but)

    def address(self, **changes: str | None) -> str:
        """Return the query of the page with some values changed; None removes one."""
        changed = {**self.chosen, **changes}
        return urlencode({name: value for name, value in changed.items() if value is not None})


class RefusedGroup(msgspec.Struct, frozen=True):
    """Refused clicks that have a value in common. `example` is the page that most of a host's come from."""

    text: str
    count: int
    address: str
    is_chosen: bool
    code: str = ""
    example: str = ""


class RefusedGroups(msgspec.Struct, frozen=True):
    """The groups of one sort, the largest first (days: the newest); `more` are left out.

    `is_exact`: all clicks of the last days were counted, and not the rows that are kept.
    """

    name: str
    title: str
    is_exact: bool
    groups: list[RefusedGroup]
    more: int


def values_of(refused: RefusedClick) -> dict[str, str]:
    """Return what a refused click can be grouped by, as addresses have it."""
    affiliate = refused.affiliate_id
    return {
        "reason": refused.reason,
        "referer": host_of(refused.referer),
        "affiliate": NONE if affiliate is None else str(affiliate),
        "day": day_of(refused.at_ms / 1000),
    }


# Cached, because the page refreshes itself, in a process that answers clicks.
@lru_cache(NEWEST_REFUSALS)
def host_of(referer: str) -> str:
    """Return the host in a referer, in lower case; `NONE` where there is none."""
    try:
        return urlsplit(referer).hostname or NONE
    except ValueError:
        # An address that begins like one of IPv6, and is none.
        return NONE


def day_of(at_seconds: float) -> str:
    """Return the day of UTC in which a time lies."""
    return _date(int(at_seconds // 86_400))


@lru_cache(REFUSED_DAYS + 1)
def _date(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86_400))


def all_groups(
    wanted: RefusedFilter, rows: Sequence[RefusedClick], hours: HourlyCounts
) -> list[RefusedGroups]:
    """Return the groups of each sort, each among the clicks that fit the other choices."""
    valued = [(row, values_of(row)) for row in rows]
    is_exact = not wanted.chosen.keys() & {"referer", "affiliate"}
    found = []
    for name in TITLES:
        if is_exact and name in ("reason", "day"):
            found.append(_groups(wanted, name, _counted(wanted, name, hours), {}, is_exact=True))
            continue
        fitting = [(row, values) for row, values in valued if wanted.fits(values, but=name)]
        counts = Counter(values[name] for _, values in fitting)
        examples = _examples(fitting) if name == "referer" else {}
        found.append(_groups(wanted, name, counts, examples, is_exact=False))
    return found


def _counted(wanted: RefusedFilter, name: str, hours: HourlyCounts) -> Counter[str]:
    """Count all refused clicks by reason or day."""
    counts: Counter[str] = Counter()
    for start, reasons in hours:
        day = day_of(start)
        for reason, count in reasons.items():
            if wanted.fits({"reason": reason, "day": day}, but=name):
                counts[reason if name == "reason" else day] += count
    return counts


def _examples(fitting: Sequence[tuple[RefusedClick, dict[str, str]]]) -> dict[str, str]:
    """Return the commonest page of each host."""
    pages: dict[str, Counter[str]] = defaultdict(Counter)
    for row, values in fitting:
        pages[values["referer"]][row.referer] += 1
    return {host: counts.most_common(1)[0][0] for host, counts in pages.items() if host != NONE}


def _groups(
    wanted: RefusedFilter, name: str, counts: Counter[str], examples: dict[str, str], *, is_exact: bool
) -> RefusedGroups:
    ordered = sorted(counts.items(), reverse=True) if name == "day" else counts.most_common()
    chosen = wanted.chosen.get(name)
    groups = [
        RefusedGroup(
            text=text_of(name, value),
            count=count,
            address=wanted.address(**{name: value}),
            is_chosen=value == chosen,
            code=value if name == "reason" else "",
            example=examples.get(value, ""),
        )
        for value, count in ordered[:MOST_GROUPS]
    ]
    return RefusedGroups(name, TITLES[name], is_exact, groups, len(ordered) - len(groups))


def text_of(name: str, value: str) -> str:
    """Return a value of an address as staff read it."""
    if name == "reason":
        return refusal_entry(value).words.short
    return _NONE_TEXTS.get(name, value) if value == NONE else value
