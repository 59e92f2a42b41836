"""The request for an explanation: a link or two ids, and the circumstances of the click."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from lib.times import END_OF_TIME_MS
from offers.click_paths import ClickPaths
from offers.links.parse import OFFER_ONLY, BadLink, PastedLink, read_link
from offers.links.tokens import AdTarget
from offers.request import ClickRequest
from offers.rules.common.verdict import ClickContext
from offers.visitors.address import parse_address
from offers.visitors.device import NO_HINTS, ClientHints, Device
from offers.visitors.visitor import Clues
from recipes.records.fields import id_of

UNKNOWN_COUNTRY = "unknown"
_COUNTRY = re.compile(r"[A-Z]{2}")
MAX_TEXT_CHARACTERS = 2_000
FIELDS = ("link", "offer", "campaign", "address", "country", "at", "subid", "cid", "user_agent")


class BadExplainRequest(ValueError):
    """A field of the request is invalid; `field` names it, the message says what it may be."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


class ExplainRequest(msgspec.Struct, frozen=True):
    """One click to explain.

    `target` replaces the token of `request`; its offer may be 0, for that of the campaign. The others, if
    not None, replace the click's own values: its country ("unknown" is one; region and city are then unknown,
    too), its time in milliseconds since the epoch, its device, its lid.
    """

    request: ClickRequest
    target: AdTarget | None = None
    country: str | None = None
    at_ms: int | None = None
    device: Device | None = None
    lid: str | None = None

    def apply_to(self, context: ClickContext) -> ClickContext:
        """Return the click with the supposed country and device."""
        visitor = context.visitor
        if self.country is not None and self.country != visitor.geo.country:
            country = None if self.country == UNKNOWN_COUNTRY else self.country
            geo = msgspec.structs.replace(visitor.geo, country=country, region=None, city=None)
            visitor = msgspec.structs.replace(visitor, geo=geo)
        if self.device is not None:
            visitor = msgspec.structs.replace(visitor, device=self.device)
        return msgspec.structs.replace(context, visitor=visitor)


def read_explain_request(
    texts: Mapping[str, str],
    accept_language: str = "",
    hints: ClientHints = NO_HINTS,
    paths: ClickPaths = OFFER_ONLY,
) -> ExplainRequest:
    """Read the request from texts that people typed, by the names in `FIELDS`; links have one of `paths`.

    "" keeps the value of the link or the clock. Raises `BadExplainRequest`.
    """
    given = {name: texts.get(name, "").strip() for name in FIELDS}
    for field, text in given.items():
        if field != "link" and len(text) > MAX_TEXT_CHARACTERS:
            raise BadExplainRequest(field, f"that is over {MAX_TEXT_CHARACTERS:,} characters long")
    link, target = _link_or_target(given, paths)
    clues = Clues(_address(given["address"]), "", given["user_agent"], accept_language, hints)
    request = ClickRequest(
        ad=link.ad,
        subid=given["subid"] or link.subid,
        cid=given["cid"] or link.cid,
        ad_domain=link.ad_domain,
        fp=link.fp,
        debug=True,
        head=False,
        referer="",
        clues=clues,
    )
    at_ms = read_instant_ms(given["at"]) if given["at"] else None
    return ExplainRequest(request, target, read_country(given["country"]), at_ms)


def _link_or_target(given: Mapping[str, str], paths: ClickPaths) -> tuple[PastedLink, AdTarget | None]:
    offer, campaign = given["offer"], given["campaign"]
    if given["link"]:
        if offer or campaign:
            raise BadExplainRequest("link", "give either a link or a campaign and its offer, not both")
        try:
            return read_link(given["link"], paths), None
        except BadLink as error:
            raise BadExplainRequest("link", str(error)) from None
    if campaign:
        return PastedLink(""), AdTarget(_id("offer", offer) if offer else 0, _id("campaign", campaign))
    if offer:
        raise BadExplainRequest("campaign", "a link names a campaign: give one of the offer's")
    raise BadExplainRequest("link", "paste a link, or choose a campaign by its id")


def read_instant_ms(text: str) -> int:
    """Read a time such as 2026-11-25T10:00 (UTC if it has no zone), or milliseconds since the epoch.

    Raises `BadExplainRequest`.
    """
    text = text.strip()
    if text.isascii() and text.isdigit() and 11 <= len(text) <= 14:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        at_ms = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        if not 0 <= at_ms < END_OF_TIME_MS:
            raise ValueError(text)
        return at_ms
    except (ValueError, OverflowError):
        example = "write it like 2026-11-25T10:00 (UTC) or 2026-11-25T10:00+02:00"
        raise BadExplainRequest("at", f"{text[:40]!r} is not a time: {example}") from None


def read_country(text: str) -> str | None:
    """Read a country's two letters, or `unknown`; "" supposes none. Raises `BadExplainRequest`."""
    code = text.upper()
    if not code:
        return None
    if code == UNKNOWN_COUNTRY.upper():
        return UNKNOWN_COUNTRY
    if not _COUNTRY.fullmatch(code):
        message = f"{text[:40]!r} is not a country: write its two letters, such as DE, or {UNKNOWN_COUNTRY}"
        raise BadExplainRequest("country", message)
    return code


def _id(field: str, text: str) -> int:
    found = id_of(text)
    if found is None:
        raise BadExplainRequest(field, f"{text[:40]!r} is not an id: ids are whole numbers above zero")
    return found


def _address(text: str) -> str:
    if not text:
        return ""
    address = parse_address(text)
    if address is None:
        raise BadExplainRequest("address", f"{text[:60]!r} is not an IPv4 or IPv6 address")
    return str(address)
