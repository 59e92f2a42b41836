"""Decisions that are remembered, because click after click gets the same."""

import msgspec

from offers.records import Campaign, Offer, OfferType
from offers.routing import Decision
from offers.rules import Asked

# Any country that the offer says nothing of.
ELSEWHERE = ""


class _Pair(msgspec.Struct, eq=False):
    """What is known of one offer and campaign; `countries` None: their decisions cannot be remembered."""

    countries: frozenset[str] | None
    decisions: dict[str | None, Decision]


class KnownDecisions:
    """Up to `limit` decisions by offer, campaign and country.

    Records are told apart by identity: one that changed is another. When there are too many all are
    forgotten, as those of records that are long gone must not stay.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = 0
        self._pairs: dict[tuple[Offer, Campaign], _Pair] = {}

    def get(self, asked: Asked) -> Decision | None:
        """The decision on such a click, None where it has to be made."""
        pair = self._pairs.get((asked.offer, asked.campaign))
        if pair is None or pair.countries is None:
            return None
        return pair.decisions.get(_place(asked, pair.countries))

    def keep(self, asked: Asked, decision: Decision) -> None:
        """Remember a decision, if every click like this one gets the same."""
        offer, campaign = asked.offer, asked.campaign
        if self._kept >= self._limit:
            self._pairs.clear()
            self._kept = 0
        pair = self._pairs.get((offer, campaign))
        if pair is None:
            pair = self._pairs[offer, campaign] = _Pair(deciding_countries(offer, campaign), {})
            self._kept += 1
        # An exit looks at other offers too, as the page of last resort does, and those may change.
        if pair.countries is not None and decision.origin is None and not decision.is_default_page:
            pair.decisions[_place(asked, pair.countries)] = decision
            self._kept += 1


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


def _place(asked: Asked, countries: frozenset[str]) -> str | None:
    country = asked.visitor.geo.country
    return country if country is None or country in countries else ELSEWHERE
