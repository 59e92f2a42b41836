"""Decisions that are remembered, because click after click gets the same."""

import msgspec

from offers.routing.routing import Decision
from offers.rules import ClickContext
from recipes.records.records import Campaign, Offer, OfferType

# Any country that the offer says nothing of.
ELSEWHERE = ""


class _Pair(msgspec.Struct, eq=False, gc=False):
    """What is known of a campaign with an offer; `countries` None: more than they make a difference.

    `decisions` are those that hold for every click from a country. `outcomes` are those of clicks that
    have to be decided one by one, by what they are.
    """

    offer: Offer
    campaign: Campaign
    countries: frozenset[str] | None
    decisions: dict[str | None, Decision]
    outcomes: dict[tuple[object, ...], Decision]


class DecisionCache:
    """Up to `limit` decisions by campaign and country, for the offer that the campaign was last clicked with.

    Records are told apart by identity: one that changed is another. Of too many campaigns the one that came
    first is forgotten.
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
        country = context.visitor.geo.country
        return pair.decisions.get(country if country is None or country in countries else ELSEWHERE)

    def keep(self, context: ClickContext, decision: Decision) -> Decision:
        """Remember a decision; gives the one to go on with, of which more may be worked out already."""
        offer, campaign = context.offer, context.campaign
        pair = self._pairs.get(campaign.campaign_id)
        if pair is None or pair.campaign is not campaign or pair.offer is not offer:
            self._forget(campaign.campaign_id)
            pair = _Pair(offer, campaign, deciding_countries(offer, campaign), {}, {})
            self._pairs[campaign.campaign_id] = pair
            self._kept += _size(pair)
        # An exit looks at other offers too, as the page of last resort does, and those may change.
        if pair.countries is not None and decision.origin is None and not decision.is_default_page:
            country = context.visitor.geo.country
            place = country if country is None or country in pair.countries else ELSEWHERE
            self._kept -= _size(pair)
            pair.decisions[place] = decision
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


def deciding_countries(offer: Offer, campaign: Campaign) -> frozenset[str] | None:
    """The countries that make a difference to a click; None where more than its country does."""
    if (
        offer.type is not OfferType.REGULAR
        or offer.dates is not None
        or (offer.caps is not None and offer.caps.dates is not None)
        or (campaign.caps is not None and campaign.caps.dates is not None)
        or campaign.rule_sets
    ):
        return None
    return frozenset((*offer.countries_restricted, *offer.custom_pages, *offer.country_payouts))
