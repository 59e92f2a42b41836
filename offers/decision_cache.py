"""Remembers decisions, because most clicks on a campaign get the same one."""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from offers.routing.decision import Decision
from offers.rules import RULES
from offers.rules.common.parts import PARTS
from offers.rules.common.verdict import ClickContext
from recipes.records.records import Campaign, Offer

# Stands for every value that no rule tells apart from the others.
ELSEWHERE = ""

# A part of a click: how to read it, and which of its values make a difference.
_Part = tuple[Callable[[ClickContext], object], frozenset[str]]


# The plan of a decision, whatever it is: this module only caches it.
Plan = TypeVar("Plan")


class _Pair(msgspec.Struct, Generic[Plan], eq=False, gc=False):
    """The cached decisions of one campaign with one offer.

    `countries` are those that the rules tell apart, None if a rule depends on something that cannot be listed
    (the clock, other records); `others` are the other parts that the rules depend on. `decisions` holds one
    plan for all clicks that are alike in these parts. `outcomes` holds the plans of clicks that are decided
    one by one, so that equal decisions share one.
    """

    offer: Offer
    campaign: Campaign
    countries: frozenset[str] | None
    others: tuple[_Part, ...]
    decisions: dict[object, Plan]
    outcomes: dict[tuple[object, ...], tuple[Decision, Plan]]

    def place(self, context: ClickContext) -> object:
        """Return the key of a click in `decisions`. `countries` must not be None."""
        country = context.visitor.geo.country
        place = country if country is None or country in (self.countries or ()) else ELSEWHERE
        if not self.others:
            return place
        return (place, *[_told(value(context), values) for value, values in self.others])


class DecisionCache(Generic[Plan]):
    """Up to `limit` planned decisions by campaign, each for the offer last clicked with the campaign.

    The keys come from the rules themselves (`Rule.varies_by`); this module knows no rule. Records are
    compared by identity: the catalog makes a new object of a record that changed, so its decisions no longer
    match and nothing has to be invalidated. Past the limit the campaign that was cached first is evicted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = 0
        self._pairs: dict[int, _Pair[Plan]] = {}

    def get(self, context: ClickContext) -> Plan | None:
        """Return the cached plan for such a click, None if the rules have to decide."""
        campaign = context.campaign
        pair = self._pairs.get(campaign.campaign_id)
        if pair is None or pair.campaign is not campaign or pair.offer is not context.offer:
            return None
        countries = pair.countries
        if countries is None:
            return None
        if pair.others:
            return pair.decisions.get(pair.place(context))
        # The same as `place`, without the call: nearly every click comes here.
        country = context.visitor.geo.country
        return pair.decisions.get(country if country is None or country in countries else ELSEWHERE)

    def keep(self, context: ClickContext, decision: Decision, plan: Callable[[Decision], Plan]) -> Plan:
        """Return what `plan` makes of a decision, and cache it; equal decisions share one."""
        offer, campaign = context.offer, context.campaign
        pair = self._pairs.get(campaign.campaign_id)
        if pair is None or pair.campaign is not campaign or pair.offer is not offer:
            self._forget(campaign.campaign_id)
            pair = _Pair(offer, campaign, *told_apart(offer, campaign), {}, {})
            self._pairs[campaign.campaign_id] = pair
            self._kept += _size(pair)
        # Exits and the page of last resort depend on other offers, which may change without these two records
        # changing: such a decision is made for every click, and only shared if it comes out equal.
        if pair.countries is not None and decision.origin is None and not decision.is_default_page:
            self._kept -= _size(pair)
            made = pair.decisions[pair.place(context)] = plan(decision)
        else:
            outcome = _outcome(decision)
            if (same := pair.outcomes.get(outcome)) is not None:
                return same[1]
            self._kept -= _size(pair)
            made = plan(decision)
            pair.outcomes[outcome] = decision, made
        self._kept += _size(pair)
        while self._kept > self._limit:
            self._forget(next(iter(self._pairs)))
        return made

    def _forget(self, campaign_id: int) -> None:
        pair = self._pairs.pop(campaign_id, None)
        if pair is not None:
            self._kept -= _size(pair)


def _size(pair: _Pair[Plan]) -> int:
    """Return how many decisions a pair counts for; an empty one takes room, too."""
    return max(1, len(pair.decisions) + len(pair.outcomes))


def _outcome(decision: Decision) -> tuple[object, ...]:
    """Return a key that two decisions of a pair share only if they are equal.

    Offers and pages are compared by `id()`, which is a fraction of the cost of comparing them. That is safe:
    the cached decision keeps the objects alive, so no other object can get their ids.
    """
    return (
        decision.redirect_type,
        decision.redirect_reason,
        id(decision.offer),
        id(decision.origin),
        decision.payin,
        decision.payout,
        id(decision.page),
        decision.page_id,
        id(decision.replaced_page),
        decision.replaced_page_id,
        decision.caps_type,
        decision.nested_steps,
        decision.is_default_page,
    )


def told_apart(offer: Offer, campaign: Campaign) -> tuple[frozenset[str] | None, tuple[_Part, ...]]:
    """Return the countries that make a difference to clicks on these two records, and the other parts.

    The countries are None if a rule depends on the clock or on other records: then every click is decided.
    """
    found: dict[str, frozenset[str]] = {"country": frozenset()}
    for rule in RULES:
        for part, values in rule.varies_by(offer, campaign).items():
            if values is None:
                return None, ()
            found[part] = found.get(part, frozenset()) | values
    # Countries are codes in upper case, except in target rules, which are case-folded.
    countries = frozenset(country.upper() for country in found.pop("country"))
    others = sorted(found.items())
    return countries, tuple((PARTS[part], frozenset(map(str.casefold, values))) for part, values in others)


def _told(value: object, values: frozenset[str]) -> str | None:
    """Return a click's value of a part if a rule names it, else `ELSEWHERE`; None stays None (unknown)."""
    if value is None:
        return None
    text = str(value).casefold()
    return text if text in values else ELSEWHERE
