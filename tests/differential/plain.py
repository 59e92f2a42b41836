"""A second, plain reading of how a click is decided: slow, without caches, on raw records.

It was written from the specification, not from the engine, and shares no code with it, so that both are only
wrong alike where the specification was understood wrongly twice.
"""

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from tests.differential.fields import (
    Raw,
    amount,
    closes,
    countries,
    flag,
    id_in,
    object_of,
    page,
    structure,
)
from tests.differential.parts import (
    Click,
    candidate_rows,
    caps_standing,
    caps_target,
    country_row,
    custom_page,
    dates_failed,
    is_blocked,
    offer_amounts,
    row_amounts,
    rule_fits,
    takes_exits,
)

LAST_RESORT = "https://last.example/"
TO_AGGREGATED = "offerAggregatedExitTrafficToAggregatedOffer"
MAX_HOPS = 10
Served = dict[tuple[int, int, tuple[int, ...]], Counter[int]]


class Recipe(NamedTuple):
    """Raw records by id, and the defaults of the instance (0: none)."""

    offers: dict[int, Raw]
    campaigns: dict[int, Raw]
    default_offer_id: int
    default_campaign_id: int


class Answer(NamedTuple):
    """Where a click goes. `offer_id` 0: to the page of last resort; `origin_id` 0: it stayed."""

    redirect_type: str
    offer_id: int
    page: str
    payin: Decimal
    payout: Decimal
    origin_id: int
    steps: tuple[int, ...] = ()


class Reading:
    """Answers one click after another; `served` counts whose turn it was."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.served: Served = {}

    def answer(self, click: Click) -> Answer | None:
        """Where the click goes; None where it is refused."""
        offer = self.recipe.offers.get(click.offer_id)
        campaign = self.recipe.campaigns.get(click.campaign_id)
        if offer is None or campaign is None:
            return None
        if is_blocked(campaign):
            return None
        if offer["status"] == "inactive":
            campaign = self.recipe.campaigns.get(self.recipe.default_campaign_id)
            offer = self.recipe.offers.get(id_in(campaign.get("offerId"))) if campaign else None
            if offer is None or campaign is None or offer["status"] == "inactive":
                return None
            if is_blocked(campaign):
                return None
        return self._rules(click._replace(offer_id=offer["offerId"]), offer, campaign)

    def _rules(self, click: Click, offer: Raw, campaign: Raw) -> Answer:
        country, exit_id = click.visitor["country"], id_in(offer.get("offerIdRedirectExitTraffic"))
        if offer["type"] == "aggregated":
            picked = self._pick(click, offer, campaign, [])
            kind = "offerAggregatedBestOffer" if picked else "offerAggregatedExitTrafficToRegularOffer"
            return self._leave(click, offer, campaign, kind, picked or exit_id)
        if closes(lambda: dates_failed(offer, click.now_ms)):
            return self._leave(click, offer, campaign, "offerStartEndDateRangeNotPass", exit_id, True)
        if closes(lambda: country in countries(offer.get("countriesRestrictions"))):
            return self._leave(click, offer, campaign, "offerGeoRestriction", exit_id, True)
        if custom := custom_page(offer, country):
            return self._stay(offer, campaign, "customLandingPages", custom)
        standing = caps_standing(campaign, click.now_ms)
        if standing == "over":
            return self._leave(click, offer, campaign, "capsCampaignOverLimit", exit_id, True)
        if standing == "under":
            named = id_in(object_of(campaign["capInfo"]).get("campaignCapsOfferIdRedirect"))
            if named:
                return self._leave(click, offer, campaign, "capsCampaignUnderLimit", named, shut=False)
        standing = caps_standing(offer, click.now_ms)
        if standing == "over":
            target = caps_target(offer)
            if target == offer["offerId"] or not target:
                target = exit_id
            kind = offer.get("redirectType") or "capsOfferOverLimit"
            return self._leave(click, offer, campaign, kind, target, target == exit_id)
        if standing == "under":
            return self._stay(offer, campaign, "capsOfferUnderLimit", row=country_row(offer, country))
        if row := country_row(offer, country):
            return self._stay(offer, campaign, "customPayOutPerGeo", row=row)
        for rule_set in campaign.get("targetRules") or []:
            rules = object_of(rule_set["rules"])
            if any(rule_fits(rule, click, campaign, offer) for rule in rules["rules"]):
                target = id_in(rules.get("redirectTo")) or exit_id
                return self._leave(click, offer, campaign, "campaignTargetRules", target, shut=False)
        return self._stay(offer, campaign, "defaultRedirection")

    def _stay(
        self, offer: Raw, campaign: Raw, kind: str, custom: str | None = None, row: Raw | None = None
    ) -> Answer:
        paid = amount(campaign.get("payout")) or Decimal(0)
        payin, payout = offer_amounts(offer)
        payin, payout = row_amounts(row, payin, paid if paid > 0 else payout)
        where = custom or page(offer.get("landingPageUrl"))
        if where is None:
            default = self.recipe.offers.get(self.recipe.default_offer_id)
            usable = default is not None and default["status"] != "inactive"
            where = (page(default.get("landingPageUrl")) if default and usable else None) or LAST_RESORT
        return Answer(kind, offer["offerId"], where, payin, payout, 0)

    def _leave(
        self,
        click: Click,
        origin: Raw,
        campaign: Raw,
        kind: str,
        target: int,
        to_exit_offer: bool = False,
        shut: bool = True,
    ) -> Answer:
        """An exit to offer `target`; of `to_exit_offer` a detected exit offer takes the place.

        A `shut` origin may not have the click, so it is no exit of its own.
        """
        steps: tuple[int, ...] = ()
        detected = origin.get("exitOfferDetected")
        if to_exit_offer and detected:
            found = id_in(object_of(detected).get("offerId"))
        if to_exit_offer and detected and found != origin["offerId"]:
            target = found
            chain = [id_in(one.get("offerId")) for one in structure(origin.get("exitOffersNested")) or []]
            known = chain[: chain.index(target) + 1] if target in chain else [target]
            steps = (origin["offerId"], *known)
        if shut and target == origin["offerId"]:
            target = 0
        way = self._chain(click, target, origin["offerId"])
        if len(way) > 1:
            steps = (*(steps or (origin["offerId"], target)), *way[1:])
        offer, through_aggregated = self._exit_target(click, campaign, way[-1])
        named = self.recipe.offers.get(way[-1])
        # The record's own type for an offer over its caps outlives everything.
        if through_aggregated and kind != origin.get("redirectType"):
            kind = TO_AGGREGATED
        if offer is None and self.recipe.default_offer_id != origin["offerId"]:
            way = self._chain(click, self.recipe.default_offer_id, origin["offerId"])
            offer, _ = self._exit_target(click, campaign, way[-1])
        where = page(offer.get("landingPageUrl")) if offer else LAST_RESORT
        if offer is None and not through_aggregated and named and named["status"] != "inactive":
            offer = named
        if offer is None:
            return Answer(kind, 0, LAST_RESORT, Decimal(0), Decimal(0), origin["offerId"], steps)
        row = country_row(offer, click.visitor["country"])
        amounts = row_amounts(row, *offer_amounts(offer))
        return Answer(kind, offer["offerId"], where or LAST_RESORT, *amounts, origin["offerId"], steps)

    def _chain(self, click: Click, target: int, origin_id: int) -> list[int]:
        """From `target` along exit offers to one that is not over its own cap; of none, `target` alone."""
        way = [target]
        while takes_exits(offer := self.recipe.offers.get(way[-1])):
            assert offer is not None
            if caps_standing(offer, click.now_ms) != "over":
                return way
            following = id_in(offer.get("offerIdRedirectExitTraffic"))
            if not following or following in (*way, origin_id) or len(way) == MAX_HOPS:
                return [target]
            way.append(following)
        return way

    def _exit_target(self, click: Click, campaign: Raw, target: int) -> tuple[Raw | None, bool]:
        """Who takes a click sent to `target`, and whether an aggregated offer was asked."""
        seen: list[int] = []
        while target and target not in seen and len(seen) < MAX_HOPS:
            seen.append(target)
            offer = self.recipe.offers.get(target)
            if not takes_exits(offer) or offer is None:
                return None, len(seen) > 1
            if offer["type"] == "regular":
                return offer, len(seen) > 1
            target = self._pick(click, offer, campaign, seen)
        return None, bool(seen)

    def _pick(self, click: Click, offer: Raw, campaign: Raw, through: list[int]) -> int:
        """The open candidate that was served least; 0 where none is open. `through`: see `_open_ids`."""
        usable = tuple(dict.fromkeys(self._open_ids(click, offer, through)))
        if not usable:
            return 0
        key = (campaign["campaignId"], offer["offerId"], usable)
        served = self.served.setdefault(key, Counter())
        picked = min(usable, key=lambda candidate: served[candidate])
        served[picked] += 1
        return picked

    def _open_ids(self, click: Click, offer: Raw, through: list[int]) -> list[int]:
        """The open candidates of an aggregated offer, for a click that came `through` these."""
        rows = [] if closes(lambda: candidate_rows(offer) is None) else candidate_rows(offer)
        named = [id_in(row.get("aggregatedOfferId")) for row in rows if self._is_open(click, row)]
        return [one for one in named if self._leads_on(click, self.recipe.offers[one], through)]

    def _leads_on(self, click: Click, offer: Raw, through: list[int]) -> bool:
        """Whether there is a way to a regular offer in ten hops that passes through no offer twice."""
        if len(through) == MAX_HOPS or offer["offerId"] in through:
            return False
        further = [*through, offer["offerId"]]
        return offer["type"] == "regular" or bool(self._open_ids(click, offer, further))

    def _is_open(self, click: Click, row: Raw) -> bool:
        """Whether neither a row nor the record of its offer closes it."""
        offer = self.recipe.offers.get(id_in(row.get("aggregatedOfferId")))
        if offer is not None and offer["offerId"] == click.offer_id:
            return False
        if offer is None or offer["status"] in ("inactive", "draft") or not takes_exits(offer):
            return False
        country = click.visitor["country"]
        return not (
            flag(row.get("capsOverLimitSales"))
            or flag(row.get("capsOverLimitClicks"))
            or closes(lambda: country in countries(row.get("countriesRestrictions")))
            or closes(lambda: country in countries(offer.get("countriesRestrictions")))
            or closes(lambda: dates_failed(offer, click.now_ms))
            or caps_standing(offer, click.now_ms) == "over"
            or (offer["type"] == "aggregated" and closes(lambda: candidate_rows(offer) is None))
        )
