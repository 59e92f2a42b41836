"""The newest clicks of the log, for staff to watch; every read is bounded, however many clicks come in."""

from collections.abc import Iterator

import msgspec

from offers.click_log.stream import ClickLog
from offers.click_log.types import Entry

# Entries per request: Redis returns them in well under a millisecond, and clicks wait for it meanwhile.
STEP = 250
# Entries that a filter looks through; a rarer click is found by its lid.
EXAMINED_AT_MOST = 2_000
SHOWN_AT_MOST = 50
UNIQUE = {"1": True, "assumed": True, "0": False}


class RecentClick(msgspec.Struct, frozen=True, rename="camel"):
    """What is shown of one click, out of its record; what is not in there is None.

    `entry_id` is where the log has it.
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
    device_type: str | None = None
    browser: str | None = None
    redirect_type: str | None = None
    payin: float | None = None
    payout: float | None = None
    landing_page_url: str | None = None
    is_unique: bool | None = None


class Wanted(msgspec.Struct, frozen=True):
    """Which clicks are wanted; None is any. An offer is who got the click, or whom it was meant for."""

    offer: int | None = None
    campaign: int | None = None
    affiliate: int | None = None
    country: str | None = None
    redirect_type: str | None = None
    unique: bool | None = None

    def fits(self, click: RecentClick) -> bool:
        """Whether a click is wanted."""
        return (
            (self.offer is None or self.offer in (click.offer_id, click.origin_offer_id))
            and self.campaign in (None, click.campaign_id)
            and self.affiliate in (None, click.affiliate_id)
            and self.country in (None, click.country)
            and self.redirect_type in (None, click.redirect_type)
            and self.unique in (None, click.is_unique)
        )


class RecentClicks(msgspec.Struct, frozen=True):
    """Clicks, newest first. `newest` is the entry to go on after; `examined` of all entries were looked at.

    `is_all` is False when there are older ones that were not looked at.
    """

    clicks: list[RecentClick]
    newest: str
    examined: int
    is_all: bool


_decoder = msgspec.json.Decoder(RecentClick)


def recent_clicks(log: ClickLog, wanted: Wanted, after: str = "") -> RecentClicks:
    """The newest wanted clicks, of those after the entry `after`. Raises `RedisError`."""
    clicks: list[RecentClick] = []
    newest, before, examined, ended = after, "", 0, False
    while not ended and examined < EXAMINED_AT_MOST and len(clicks) < SHOWN_AT_MOST:
        entries = log.newest(STEP, before=before, after=after)
        ended = len(entries) < STEP
        if not entries:
            break
        examined += len(entries)
        newest = entries[0].id if not before else newest
        before = entries[-1].id
        clicks += [click for click in _readable(entries) if wanted.fits(click)]
    is_all = ended and len(clicks) <= SHOWN_AT_MOST
    return RecentClicks(clicks[:SHOWN_AT_MOST], newest, examined, is_all)


def _readable(entries: list[Entry]) -> Iterator[RecentClick]:
    """Those that are clicks; what somebody else put into the log is left out."""
    for entry in entries:
        try:
            click = _decoder.decode(entry.click)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        yield msgspec.structs.replace(click, entry_id=entry.id, is_unique=UNIQUE.get(entry.unique))
