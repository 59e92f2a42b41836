"""The values of routing: a decision and what its clicks share, the fallbacks, and a step of a trace."""

from decimal import Decimal

import msgspec

from offers.landing import Route
from recipes.records.landing_page import Page
from recipes.records.records import Campaign, Offer


class Defaults(msgspec.Struct, frozen=True):
    """Fallbacks for clicks that no other offer can take: an offer (0: none), and a page of last resort."""

    offer_id: int
    campaign_id: int
    page: Page


class Decision(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The outcome of the rules for a click: who takes it, on which page, for which amounts.

    `offer` takes the click; it is None if no offer can, and `page` is then the page of last resort. `origin`
    is the offer that the click left, None if it stayed.
    """

    redirect_type: str
    redirect_reason: str
    offer: Offer | None
    origin: Offer | None
    campaign: Campaign
    payin: Decimal
    payout: Decimal
    page: Page
    page_id: int | None
    replaced_page: Page | None
    replaced_page_id: int | None
    caps_type: str | None
    nested_steps: tuple[int, ...]
    is_default_page: bool


class DecisionPlan(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A decision, with everything that its clicks share, made once.

    `route` leads to its page; `record_part` is its half of the click record, as JSON.
    """

    decision: Decision
    route: Route
    record_part: bytes


class Step(msgspec.Struct, frozen=True):
    """One entry of a trace: the rule or step, its inputs, its answer in words, and whether it decided."""

    rule: str
    inputs: dict[str, object] = msgspec.field(name="looked_at")
    message: str = msgspec.field(name="said")
    decided: bool
