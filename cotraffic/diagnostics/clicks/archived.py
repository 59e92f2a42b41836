"""Where the log of the newest clicks ends: the address of the archive's clicks that go on from there."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from cotraffic.diagnostics.reports.types import Dimension
from cotraffic.diagnostics.reports.zones import DAY_MS, MINUTE_MS
from offers.click_log.recent import RecentClicks, Wanted

# The filters that the archive's clicks have as well, by their names there.
ARCHIVED = {
    "offer": Dimension.OFFER,
    "campaign": Dimension.CAMPAIGN,
    "affiliate": Dimension.AFFILIATE,
    "country": Dimension.COUNTRY,
    "redirect_type": Dimension.REDIRECT_TYPE,
}
DAYS = 7


class ArchiveLink(msgspec.Struct, frozen=True):
    """The query for the archive's clicks; `without` names the filters that it cannot have."""

    address: str
    without: tuple[str, ...]


def archive_link(wanted: Wanted, found: RecentClicks) -> ArchiveLink | None:
    """Return the way to the archive's clicks, None without an archive.

    Where the log ends they are the 7 days before its oldest entry, else the last 7 days.
    """
    if settings.CLICK_ARCHIVE == "off":
        return None
    values = {
        dimension.value: value
        for name, dimension in ARCHIVED.items()
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.automated is False:
        values[Dimension.AUTOMATED.value] = "none"
    return ArchiveLink(urlencode({**_time(found), **values}), _without(wanted))


def _time(found: RecentClicks) -> dict[str, str]:
    if found.older or not found.reached_ms:
        return {"range": f"{DAYS}days"}
    # Whole minutes, as the form of a report has them: the last one is in both lists.
    end_ms = (found.reached_ms // MINUTE_MS + 1) * MINUTE_MS
    return {"from": _moment(end_ms - DAYS * DAY_MS), "to": _moment(end_ms)}


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="minutes")


def _without(wanted: Wanted) -> tuple[str, ...]:
    absent = {
        "provider": bool(wanted.isp),
        "sub campaign": bool(wanted.subid),
        "lid": bool(wanted.lid),
        "visitor": wanted.unique is not None,
        "made by a machine": wanted.automated is True,
        "offer of the link": wanted.offer is not None,
    }
    return tuple(name for name, is_asked in absent.items() if is_asked)
