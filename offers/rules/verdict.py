"""What a rule is asked, and what it may answer."""

from decimal import Decimal

import msgspec

from offers.visitors.visitor import Visitor
from recipes.records.landing_page import Page
from recipes.records.records import Campaign, Offer


class ClickContext(msgspec.Struct, frozen=True, gc=False):
    """One click, as the rules see it. `now_ms` is in milliseconds since the epoch."""

    offer: Offer
    campaign: Campaign
    visitor: Visitor
    now_ms: int
    sub_campaign: str
    cid: str


class Passed(msgspec.Struct, frozen=True):
    """The rule does not decide. `caps_type` is kept for the click record even so."""

    why: str
    caps_type: str | None = None


class Stay(msgspec.Struct, frozen=True):
    """The click stays with its offer, perhaps on another page or with other amounts (None: as they were)."""

    redirect_type: str
    reason: str
    page: Page | None = None
    page_id: int | None = None
    payin: Decimal | None = None
    payout: Decimal | None = None
    caps_type: str | None = None


class Exit(msgspec.Struct, frozen=True):
    """The click leaves for another offer; id 0 means that none is named.

    `nested`: it left for the offer's exit offer by a rule for which a detected exit offer takes its place.
    `keeps_type`: the redirect type stays even when the offer it leaves for is aggregated.
    """

    redirect_type: str
    reason: str
    offer_id: int
    nested: bool = False
    caps_type: str | None = None
    keeps_type: bool = False


class Pick(msgspec.Struct, frozen=True):
    """The click goes to one of its offer's open candidates, or, where none is open, by `otherwise`."""

    redirect_type: str
    reason: str
    otherwise: Exit


Verdict = Stay | Exit | Pick
