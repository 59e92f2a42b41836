"""Reads the newest clicks of the log for staff; every read is bounded, however many clicks come in."""

from collections.abc import Iterator

import msgspec

from offers.click_log.stream import IS_UNIQUE, ClickLog
from offers.click_log.types import Entry

# Entries per request: Redis returns them in well under a millisecond, and clicks wait for it meanwhile.
STEP = 250
# Entries that a filter examines; rarer clicks are found by their lid.
EXAMINED_AT_MOST = 2_000
SHOWN_AT_MOST = 50


class RecentClick(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of one click that are shown; None if its record lacks them.

    `entry_id` is its entry in the log.
    """

    lid: str = ""
    entry_id: str = ""
    date_added: int = 0
    offer_id: int | None = None
    offer_name: str | None = None
    origin_offer_id: int | None = None
    campaign_id: int | None = None
    affiliate_id: int | None = None
    country: str | None = None
    city: str | None = None
    isp: str | None = None
    sub_campaign: str | None = None
    device_type: str | None = None
    browser: str | None = None
    redirect_type: str | None = None
    redirect_reason: str | None = None
    payin: float | None = None
    payout: float | None = None
    landing_page_url: str | None = None
    is_unique: bool | None = None
    automated_reason: str | None = None


class Wanted(msgspec.Struct, frozen=True):
    """A filter; None and "" mean any. `offer` is the offer that got the click, or the one it was meant for.

    `isp` and `subid` are parts of those texts in any case, `lid` is the beginning of a lid.
    """

    offer: int | None = None
    campaign: int | None = None
    affiliate: int | None = None
    country: str | None = None
    redirect_type: str | None = None
    unique: bool | None = None
    automated: bool | None = None
    isp: str = ""
    subid: str = ""
    lid: str = ""

    def fits(self, click: RecentClick) -> bool:
        """Return whether a click passes the filter."""
        return (
            (self.offer is None or self.offer in (click.offer_id, click.origin_offer_id))
            and self.campaign in (None, click.campaign_id)
            and self.affiliate in (None, click.affiliate_id)
            and self.country in (None, click.country)
            and self.redirect_type in (None, click.redirect_type)
            and self.unique in (None, click.is_unique)
            and self.automated in (None, click.automated_reason is not None)
            and self.isp.casefold() in (click.isp or "").casefold()
            and self.subid.casefold() in (click.sub_campaign or "").casefold()
            and click.lid.startswith(self.lid.lower())
        )


class RecentClicks(msgspec.Struct, frozen=True):
    """Clicks, newest first. `newest` is the entry to continue after; `examined` counts entries looked at.

    `older` is the entry to continue before, "" if the log has none before it. `reached_ms` is when the oldest
    entry looked at was logged, in milliseconds since the epoch; 0 if none was.
    """

    clicks: list[RecentClick]
    newest: str
    examined: int
    older: str
    reached_ms: int

    @property
    def is_all(self) -> bool:
        """Whether no older entry is left that was not examined."""
        return not self.older


_decoder = msgspec.json.Decoder(RecentClick)


def recent_clicks(log: ClickLog, wanted: Wanted, after: str = "", before: str = "") -> RecentClicks:
    """Return the newest wanted clicks between the entries `after` and `before`. Raises `RedisError`."""
    clicks: list[RecentClick] = []
    newest, reached, examined, ended = after, before, 0, False
    while not ended and examined < EXAMINED_AT_MOST and len(clicks) < SHOWN_AT_MOST:
        entries = log.newest(STEP, before=reached, after=after)
        ended = len(entries) < STEP
        if not entries:
            break
        newest = entries[0].id if not examined else newest
        examined += len(entries)
        reached = entries[-1].id
        clicks += [click for click in _readable(entries) if wanted.fits(click)]
    if len(clicks) > SHOWN_AT_MOST:
        del clicks[SHOWN_AT_MOST:]
        reached, ended = clicks[-1].entry_id, False
        # The look ends with the last click that is shown; the entries behind it are looked at for older ones.
        ids = [entry.id for entry in entries]
        examined -= len(ids) - 1 - ids.index(reached)
    reached_ms = int(reached.partition("-")[0]) if examined else 0
    return RecentClicks(clicks, newest, examined, "" if ended else reached, reached_ms)


def _readable(entries: list[Entry]) -> Iterator[RecentClick]:
    """Return the entries that are clicks; those that somebody else wrote into the log are left out."""
    for entry in entries:
        try:
            click = _decoder.decode(entry.click)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        yield msgspec.structs.replace(click, entry_id=entry.id, is_unique=IS_UNIQUE.get(entry.unique))
