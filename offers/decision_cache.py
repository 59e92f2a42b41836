"""Decisions that are remembered, because click after click gets the same."""

from collections.abc import Callable

import msgspec

from offers.routing.routing import Decision
from offers.rules import RULES
from offers.rules.parts import PARTS
from offers.rules.verdict import ClickContext
from recipes.records.records import Campaign, Offer

# Any value that no rule tells apart.
ELSEWHERE = ""

# How a part of a click is read, and which of its values make a difference.
_Told = tuple[Callable[[ClickContext], object], frozenset[str]]


class _Pair(msgspec.Struct, eq=False, gc=False):
    """What is known of a campaign with an offer.

    `countries` are those that its rules tell apart, None where they ask for more than can be remembered;
    `others` are the other parts that they ask for. `decisions` are those that hold for every click which is
    alike in these; `outcomes` are those of clicks that have to be decided one by one, by what they are.
    """

    offer: Offer
    campaign: Campaign
    countries: frozenset[str] | None
    others: tuple[_Told, ...]
    decisions: dict[object, Decision]
    outcomes: dict[tuple[object, ...], Decision]

    def place(self, context: ClickContext) -> object:
        """Where among `decisions` such a click has its own; only where `countries` is not None."""
        country = context.visitor.geo.country
        known = country if country is None or country in (self.countries or ()) else ELSEWHERE
        if not self.others:
            return known
        return (known, *[_told(value(context), values) for value, values in self.others])


class DecisionCache:
    """Up to `limit` decisions by campaign, for the offer that the campaign was last clicked with.

    Rules say themselves what tells clicks apart (`Rule.varies_by`); this module knows none of them. Records
    are told apart by identity: one that changed is another. Past the limit the campaign that came first goes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = 0
        self._pairs: dict[int, _Pair] = {}

    def get(self, context: ClickContext) -> Decision | None:
        """The decision on such a click, None where it has to be made."""
        campaign = context.campaign
        pair = self._pairs.get(campaign.campaign_id)
        if pair is None or pair.campaign is not campaign or pair.offer is not context.offer:
            return None
        countries = pair.countries
        if countries is None:
            return None
        if pair.others:
            return pair.decisions.get(pair.place(context))
        # As `place` does, without a call: nearly every click comes here.
        country = context.visitor.geo.country
        return pair.decisions.get(country if country is None or country in countries else ELSEWHERE)

    def keep(self, context: ClickContext, decision: Decision) -> Decision:
        """Remember a decision; returns the equal one that is remembered, if there is one.

        More may be worked out of that one already (its half of the record, its page), which is then reused.
        """
        offer, campaign = context.offer, context.campaign
        pair = self._pairs.get(campaign.campaign_id)
        if pair is None or pair.campaign is not campaign or pair.offer is not offer:
            self._forget(campaign.campaign_id)
            pair = _Pair(offer, campaign, *told_apart(offer, campaign), {}, {})
            self._pairs[campaign.campaign_id] = pair
            self._kept += _size(pair)
        # An exit looks at other offers too, as the page of last resort does, and those may change.
        if pair.countries is not None and decision.origin is None and not decision.is_default_page:
            self._kept -= _size(pair)
            pair.decisions[pair.place(context)] = decision
        else:
            outcome = _outcome(decision)
            if (same := pair.outcomes.get(outcome)) is not None:
                return same
            self._kept -= _size(pair)
            pair.outcomes[outcome] = decision
        self._kept += _size(pair)
        while self._kept > self._limit:
            self._forget(next(iter(self._pairs)))
        return decision

    def _forget(self, campaign_id: int) -> None:
        pair = self._pairs.pop(campaign_id, None)
        if pair is not None:
            self._kept -= _size(pair)


def _size(pair: _Pair) -> int:
    """For how many decisions a pair counts; it takes room without any."""
    return max(1, len(pair.decisions) + len(pair.outcomes))


def _outcome(decision: Decision) -> tuple[object, ...]:
    """All that makes a decision of a pair what it is.

    Records and pages by identity, which nothing else can have while a decision that is remembered holds them.
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


def told_apart(offer: Offer, campaign: Campaign) -> tuple[frozenset[str] | None, tuple[_Told, ...]]:
    """The countries that make a difference to clicks on these two records, and the other parts that do.

    The first is None where a rule has to be asked about every click: by the clock, or of other records.
    """
    found: dict[str, frozenset[str]] = {"country": frozenset()}
    for rule in RULES:
        for part, values in rule.varies_by(offer, campaign).items():
            if values is None:
                return None, ()
            found[part] = found.get(part, frozenset()) | values
    # Countries are codes in upper case everywhere but in target rules, which compare without case.
    countries = frozenset(country.upper() for country in found.pop("country"))
    others = sorted(found.items())
    return countries, tuple((PARTS[part], frozenset(map(str.casefold, values))) for part, values in others)


def _told(value: object, values: frozenset[str]) -> str | None:
    """A click's value of a part, as far as the rules tell it from others."""
    if value is None:
        return None
    text = str(value).casefold()
    return text if text in values else ELSEWHERE
