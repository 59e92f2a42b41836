"""Makes links that this instance can read, and builds the reader of their tokens from the settings."""

import re
import time
from datetime import UTC, datetime
from typing import Final

from django.conf import settings

from lib.times import END_OF_TIME_S
from offers.click_paths import ClickPaths, read_aliases
from offers.links.tokens import TokenReader, encrypt, seal, sealed_keys

ACCEPT: Final = "accept"
REFUSE: Final = "refuse"
_DURATION = re.compile(r"(\d{1,6})([mhdw])")
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class CannotLink(ValueError):
    """No such link can be made; the message says why, and what to do."""


def token_reader() -> TokenReader:
    """Build the reader of ad tokens from the settings. Raises `ValueError` for keys that cannot be used."""
    keys = sealed_keys(settings.AD_TOKEN_KEYS)
    if settings.AD_TOKEN_V1 != ACCEPT:
        return TokenReader("", settings.TOKEN_CACHE_ENTRIES, keys)
    if not settings.ENCRYPTION_KEY:
        raise ValueError("ENCRYPTION_KEY is not set")
    return TokenReader(settings.ENCRYPTION_KEY, settings.TOKEN_CACHE_ENTRIES, keys)


def click_paths() -> ClickPaths:
    """Build the paths of clicks from the settings. Raises `ValueError` for an alias that cannot be used."""
    aliases = read_aliases(settings.CLICK_ALIASES, {settings.ADMIN_PATH.split("/")[0]})
    if aliases.problems:
        raise ValueError(f"CLICK_ALIASES: {aliases.problems[0]}")
    return ClickPaths(aliases.parameters)


def ad_token(offer_id: int, campaign_id: int, *, sealed: bool | None = None, expires_s: int = 0) -> str:
    """Make a token for an offer and a campaign.

    With `sealed` None it has the old form if that is accepted, else the sealed one. With an expiry (seconds
    since the epoch, 0 for never) it is always sealed. Raises `CannotLink`.
    """
    is_old_refused = settings.AD_TOKEN_V1 != ACCEPT
    if sealed is None:
        sealed = is_old_refused
    try:
        if not sealed and not expires_s:
            if is_old_refused:
                raise CannotLink("AD_TOKEN_V1=refuse: no instance would read a link of the old form")
            return encrypt(offer_id, campaign_id, settings.ENCRYPTION_KEY)
        keys = sealed_keys(settings.AD_TOKEN_KEYS)
        if not keys:
            raise CannotLink("AD_TOKEN_KEYS is not set; its first key seals new links")
        key_id, key = next(iter(keys.items()))
        return seal(offer_id, campaign_id, key_id, key, expires_s)
    except CannotLink:
        raise
    except ValueError as error:
        raise CannotLink(f"{error}") from error


def ad_link(
    site: str, offer_id: int, campaign_id: int, *, sealed: bool | None = None, expires_s: int = 0
) -> str:
    """Make a link below `site`, such as `https://click.example`; see `ad_token`. Raises `CannotLink`."""
    token = ad_token(offer_id, campaign_id, sealed=sealed, expires_s=expires_s)
    return f"{site.rstrip('/')}/offer?ad={token}"


def read_expiry(text: str, now_s: float | None = None) -> int:
    """Return the seconds since the epoch of an expiry.

    It is `30d` from now (units m, h, d, w), or an ISO 8601 date or time, which is UTC if it has no zone.
    Raises `CannotLink` for anything else, and for a time that has passed or is thousands of years ahead.
    """
    now_s = time.time() if now_s is None else now_s
    duration = _DURATION.fullmatch(text.strip())
    if duration:
        expires_s = int(now_s) + int(duration[1]) * _UNIT_SECONDS[duration[2]]
    else:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise CannotLink(f"{text!r} is neither a duration such as 30d nor an ISO 8601 time") from None
        expires_s = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if expires_s >= END_OF_TIME_S:
        raise CannotLink(f"{text!r} is too far ahead")
    if expires_s <= now_s:
        raise CannotLink(f"{text!r} has passed already")
    return expires_s
