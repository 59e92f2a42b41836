"""The input of a rule, and the answers that it may return."""

from decimal import Decimal

import msgspec

from offers.visitors.visitor import Visitor
from recipes.records.landing_page import Page
from recipes.records.records import Campaign, Offer


class ClickContext(msgspec.Struct, frozen=True, gc=False):
    """One click as the rules see it. `now_ms` is in milliseconds since the epoch."""

    offer: Offer
    campaign: Campaign
    visitor: Visitor
    now_ms: int
    sub_campaign: str
    cid: str


class Passed(msgspec.Struct, frozen=True):
    """The rule does not decide. Its `caps_type` still goes into the click record."""

    why: str
    caps_type: str | None = None


class Stay(msgspec.Struct, frozen=True):
    """The click stays with its offer. `page`, `payin` and `payout` replace the offer's own unless None."""

    redirect_type: str
    reason: str
    page: Page | None = None
    page_id: int | None = None
    payin: Decimal | None = None
    payout: Decimal | None = None
    caps_type: str | None = None


class Exit(msgspec.Struct, frozen=True):
    """The click leaves for another offer; id 0 means that none is named.

    With `nested`, the exit offer that co-recipe has detected (the first with room) takes the place of the one
    named. With `keeps_type`, the redirect type stays even if the click goes to an aggregated offer. With
    `may_return`, nothing has closed the offer that the click leaves, so the exit may name that offer itself.
    """

    redirect_type: str
    reason: str
    offer_id: int
    nested: bool = False
    caps_type: str | None = None
    keeps_type: bool = False
    may_return: bool = False


class Pick(msgspec.Struct, frozen=True):
    """The click goes to one of its offer's open candidates; if none is open, `otherwise` counts."""

    redirect_type: str
    reason: str
    otherwise: Exit


Verdict = Stay | Exit | Pick
