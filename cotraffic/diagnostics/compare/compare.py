"""Compares stored clicks with our decisions on them, each for the time at which it was clicked."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

import msgspec

from cotraffic.diagnostics.compare.stored import ClickRecord
from cotraffic.diagnostics.compare.uniqueness import UniqueVisits
from cotraffic.diagnostics.preview.simulate import RecipeView, decide_again, target_of
from offers.admission import Refusal
from offers.landing import LandingBuilder
from offers.routing.decision import Decision, Defaults
from recipes.records.fields import id_of

EXAMPLES = 3
MOST_GROUPS = 200
SHOWN_CHARACTERS = 300
# Words of the Node original for the same things.
SAME_RULES = {
    "offerAggregatedExitTrafficTpRegularOffer": "offerAggregatedExitTrafficToRegularOffer",
    "OfferStartEndDataRangeNotPass": "offerStartEndDateRangeNotPass",
}
SAME_DEVICES = {"television": "tv"}
# A macro without a value stayed in the page there, and is empty here.
UNFILLED = re.compile(r"\{\{?\w+\}?\}|%7B\w+%7D", re.IGNORECASE)


class Difference(StrEnum):
    """How a click would differ; the first difference that applies counts."""

    REFUSED = "refused"
    ELSEWHERE = "elsewhere"
    OFFER = "another offer"
    PAID = "paid otherwise"
    UNIQUE = "unique otherwise"


class ComparedClick(msgspec.Struct, frozen=True):
    """One click that differs: its target and amounts there, and ours."""

    lid: str
    clicked_at: str
    offer_id: int
    campaign_id: int
    country: str
    theirs: str
    ours: str


class ComparedGroup(msgspec.Struct):
    """Clicks with the same difference, the same rule that decided there, and the same rule here."""

    difference: Difference
    their_rule: str
    our_rule: str
    count: int = 0
    examples: list[ComparedClick] = []


class ClickComparison(msgspec.Struct, kw_only=True):
    """The result for all clicks. `unreadable` ones are not records, or lack what a decision needs.

    `another_offer` are clicks that reach the same page, and are booked on another offer.
    """

    clicks: int = 0
    same: int = 0
    refused: int = 0
    elsewhere: int = 0
    another_offer: int = 0
    paid_otherwise: int = 0
    unique_otherwise: int = 0
    unique_unknown: int = 0
    unreadable: int = 0
    first_at: str | None = None
    last_at: str | None = None
    groups: list[ComparedGroup] = []

    @property
    def differ(self) -> int:
        """The number of clicks with another target or none, other amounts, or another uniqueness."""
        return (
            self.refused + self.elsewhere + self.another_offer + self.paid_otherwise + self.unique_otherwise
        )


class ClickComparer:
    """Compares one click after another; `result` returns the outcome at the end."""

    def __init__(self, recipe: RecipeView, defaults: Defaults) -> None:
        self._recipe = recipe
        self._defaults = defaults
        # Network id and secret only change the added query, which records do not have.
        self._landings = LandingBuilder("", "")
        self._found = ClickComparison()
        self._groups: dict[tuple[Difference, str, str], ComparedGroup] = {}
        self._visits = UniqueVisits()
        self._first_ms = self._last_ms = 0

    def add(self, records: Iterable[ClickRecord | None]) -> None:
        """Compare some clicks."""
        for record in records:
            self._found.clicks += 1
            try:
                if record is None:
                    raise KeyError("record")
                self._compare(record)
            except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
                self._found.unreadable += 1

    def result(self) -> ClickComparison:
        """Return what was found, the largest groups first."""
        found = self._found
        found.unique_unknown = self._visits.judge()
        for visit in self._visits.different:
            found.unique_otherwise += 1
            found.same -= 1
            self._note(Difference.UNIQUE, visit.record, "", "", *visit.words)
        found.groups = sorted(self._groups.values(), key=lambda group: -group.count)
        if self._last_ms:
            found.first_at, found.last_at = _time(self._first_ms), _time(self._last_ms)
        return found

    def _compare(self, record: ClickRecord) -> None:
        at_ms = int(str(record["dateAdded"]))
        lid = str(record["lid"])
        theirs = id_of(record.get("offerId"))
        device = str(record.get("deviceType") or "")
        known = {**record, "deviceType": SAME_DEVICES.get(device, device) or None}

        def choose(_: int, __: int, candidates: tuple[int, ...]) -> int:
            # Each candidate gets equal shares on either side, so any choice among the same ones is the same.
            return theirs if theirs in candidates else candidates[0]

        decision = decide_again(known, self._recipe, self._defaults, at_ms, choose)
        self._first_ms = min(self._first_ms or at_ms, at_ms)
        self._last_ms = max(self._last_ms, at_ms)
        their_rule = str(record.get("redirectType") or "")
        their_rule = SAME_RULES.get(their_rule, their_rule)
        if isinstance(decision, Refusal):
            self._found.refused += 1
            words = (f"offer {theirs or 'none'}", decision.reason.value)
            self._note(Difference.REFUSED, record, their_rule, decision.reason.value, *words)
            return
        page = self._page(decision, record, lid)
        their_page = str(record.get("landingPageUrl") or "")
        ours = decision.offer.offer_id if decision.offer else 0
        is_same_page = _comparable(their_page, lid) == _comparable(page, lid)
        if (theirs or 0) != ours or not is_same_page:
            self._found.another_offer += is_same_page
            self._found.elsewhere += not is_same_page
            words = (f"offer {theirs or 'none'}, {their_page}", f"offer {ours or 'none'}, {page}")
            difference = Difference.OFFER if is_same_page else Difference.ELSEWHERE
            self._note(difference, record, their_rule, decision.redirect_type, *words)
            return
        amounts = (_amount(record.get("payin")), _amount(record.get("payout")))
        if amounts != (decision.payin, decision.payout):
            self._found.paid_otherwise += 1
            words = (f"{amounts[0]} in, {amounts[1]} out", f"{decision.payin} in, {decision.payout} out")
            self._note(Difference.PAID, record, their_rule, decision.redirect_type, *words)
            return
        self._found.same += 1
        self._visits.add(record, at_ms)

    def _page(self, decision: Decision, record: ClickRecord, lid: str) -> str:
        campaign_id = target_of(record).campaign_id
        affiliate_id = id_of(record.get("affiliateId"))
        offer_id = decision.offer.offer_id if decision.offer else 0
        route = self._landings.route(decision.page, affiliate_id, campaign_id, offer_id)
        subid, cid = str(record.get("subCampaign") or ""), str(record.get("cid") or "")
        return self._landings.build(route, subid, cid, lid).page_url

    def _note(
        self,
        difference: Difference,
        record: ClickRecord,
        their_rule: str,
        our_rule: str,
        theirs: str,
        ours: str,
    ) -> None:
        key = (difference, their_rule, our_rule)
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (difference, "other rules", "other rules")
        group = self._groups.setdefault(key, ComparedGroup(*key))
        group.count += 1
        if len(group.examples) < EXAMPLES:
            target = target_of(record)
            example = ComparedClick(
                str(record["lid"]),
                _time(int(str(record["dateAdded"]))),
                target.offer_id,
                target.campaign_id,
                str(record.get("country") or ""),
                theirs[:SHOWN_CHARACTERS],
                ours[:SHOWN_CHARACTERS],
            )
            group.examples = [*group.examples, example]


def _comparable(page: str, lid: str) -> str:
    return UNFILLED.sub("", page.replace(lid, "")).rstrip("/")


def _amount(value: object) -> Decimal:
    """Return an amount of a record, 0 if it has none. Raises `ValueError` if it is not a number."""
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        raise ValueError(str(value)) from None


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
