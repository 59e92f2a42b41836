"""The final URL: the landing page with its macros filled, and the query that landing pages expect."""

from hashlib import md5
from typing import NamedTuple
from urllib.parse import quote

from offers.pages import Page

# A value stays one value wherever a page puts it; the comma separates nothing in a URL and stays readable.
_SAFE_IN_VALUES = ","


class Macros(NamedTuple):
    """What a click fills into a page; names are those of the macros."""

    subid: str
    cid: str
    lid: str
    affiliateId: int | None  # noqa: N815 - the macro is spelled so
    campaignId: int  # noqa: N815
    offerId: int  # noqa: N815


class Landing(NamedTuple):
    """`page_url` is the recipe's page with its macros filled; `location` is where the visitor is sent."""

    page_url: str
    location: str


class LandingBuilder:
    """Fills pages. `network_id` and `hash_secret` are left out of the URL where they are empty."""

    def __init__(self, network_id: str, hash_secret: str) -> None:
        self._network = f"&ap={quote(network_id, safe='')}" if network_id else ""
        self._secret = hash_secret

    def build(self, page: Page, macros: Macros) -> Landing:
        """The URL of one click."""
        url = _filled(page.parts, macros)
        source = "" if macros.affiliateId is None else f"&src={macros.affiliateId}"
        sent = (
            f"{url}{page.joiner}offer_id={macros.offerId}&campaign_id={macros.campaignId}&lid={macros.lid}"
            f"{self._network}{source}"
        )
        if self._secret:
            signature = md5(f"{sent}|{self._secret}".encode(), usedforsecurity=False).hexdigest()
            sent = f"{sent}&hash={signature}"
        if page.is_sent_as_shown:
            return Landing(url, sent)
        return Landing(_filled(page.shown, macros), sent + _filled(page.fragment, macros))


def _filled(parts: tuple[str, ...], macros: Macros) -> str:
    if len(parts) <= 1:
        return parts[0] if parts else ""
    filled = list(parts)
    for at in range(1, len(parts), 2):
        filled[at] = encoded(getattr(macros, parts[at]))
    return "".join(filled)


def encoded(value: int | str | None) -> str:
    """A macro's value as it stands in a URL."""
    if value is None:
        return ""
    text = str(value)
    # Ids, lids and most of what affiliates send need nothing done.
    if text.isascii() and text.replace("-", "").isalnum():
        return text
    return quote(text, safe=_SAFE_IN_VALUES, errors="replace")
