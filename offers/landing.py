"""The final URL: the landing page with its macros filled, and the query that landing pages expect."""

from hashlib import md5
from urllib.parse import quote

import msgspec

from recipes.records.landing_page import Page

# Everything else is encoded, so that a value stays one value wherever a page puts it. A comma separates
# nothing in a URL and stays readable.
_SAFE_IN_VALUES = ","


class Landing(msgspec.Struct, frozen=True, gc=False):
    """`page_url` is the recipe's page with its macros filled; `location` is where the visitor is sent."""

    page_url: str
    location: str


class Route(msgspec.Struct, frozen=True, gc=False):
    """A page with everything filled in that depends on offer and campaign alone; each click adds the rest.

    `parts` alternates between fixed text and the name of a macro, as in `Page`. `before_lid` and `after_lid`
    are the query that follows, around the lid. `shown` and `fragment` are None where they add nothing.
    """

    parts: tuple[str, ...]
    before_lid: str
    after_lid: str
    shown: tuple[str, ...] | None
    fragment: tuple[str, ...] | None


class LandingBuilder:
    """Fills pages. An empty `network_id` or `hash_secret` is left out of the URL."""

    def __init__(self, network_id: str, hash_secret: str) -> None:
        self._network = f"&ap={quote(network_id, safe='')}" if network_id else ""
        self._secret = hash_secret

    def route(self, page: Page, affiliate_id: int | None, campaign_id: int, offer_id: int) -> Route:
        """Prepare the part of the URL that all clicks to a page have in common."""
        macros = {
            "affiliateId": "" if affiliate_id is None else str(affiliate_id),
            "campaignId": str(campaign_id),
            "offerId": str(offer_id),
        }
        source = "" if affiliate_id is None else f"&src={affiliate_id}"
        return Route(
            parts=_fixed(page.parts, macros),
            before_lid=f"{page.joiner}offer_id={offer_id}&campaign_id={campaign_id}&lid=",
            after_lid=f"{self._network}{source}",
            shown=None if page.is_sent_as_shown else _fixed(page.shown, macros),
            fragment=None if page.is_sent_as_shown else _fixed(page.fragment, macros),
        )

    def build(self, route: Route, subid: str, cid: str, lid: str) -> Landing:
        """Fill a route with what one click brings along."""
        url = _filled(route.parts, subid, cid, lid)
        sent = f"{url}{route.before_lid}{lid}{route.after_lid}"
        if self._secret:
            # Without the fragment, which browsers do not send. Existing landing pages check this hash.
            signature = md5(f"{sent}|{self._secret}".encode(), usedforsecurity=False).hexdigest()
            sent = f"{sent}&hash={signature}"
        if route.shown is None or route.fragment is None:
            return Landing(url, sent)
        fragment = _filled(route.fragment, subid, cid, lid)
        return Landing(_filled(route.shown, subid, cid, lid), sent + fragment)


def _fixed(parts: tuple[str, ...], macros: dict[str, str]) -> tuple[str, ...]:
    """Fill these macros, and join the texts between which no macro is left."""
    fixed = [parts[0] if parts else ""]
    for at in range(1, len(parts), 2):
        name, text = parts[at], parts[at + 1]
        if name in macros:
            fixed[-1] += macros[name] + text
        else:
            fixed += (name, text)
    return tuple(fixed)


def _filled(parts: tuple[str, ...], subid: str, cid: str, lid: str) -> str:
    if len(parts) == 1:
        # Most pages have no macro that differs from click to click.
        return parts[0]
    filled = list(parts)
    for at in range(1, len(parts), 2):
        name = parts[at]
        filled[at] = lid if name == "lid" else encoded(subid if name == "subid" else cid)
    return "".join(filled)


def encoded(text: str) -> str:
    """Percent-encode a macro's value."""
    # Most values that affiliates send need no encoding, and a match costs less than `quote`.
    if text.isascii() and text.replace("-", "").isalnum():
        return text
    return quote(text, safe=_SAFE_IN_VALUES, errors="replace")
