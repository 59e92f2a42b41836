"""One field of a whole recipe changes its type, spelling or name: nobody is let in who was not before.

Where somebody would be, the change has to be one that a load sees: records that keep their live version
because something in them is unreadable, or counts over the whole file that hold it back.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from devstack.demo import DEFAULT_CAMPAIGN_ID, DEFAULT_OFFER_ID, demo_campaigns, demo_offers
from offers.admission import Refusal, admit
from offers.links.tokens import AdTarget
from offers.routing.decision import Defaults
from offers.routing.routing import decide
from offers.rules.common.verdict import ClickContext
from offers.visitors.visitor import Visitor
from recipes.records.census import Census, damages
from recipes.records.records import Campaign, Offer, RecordRejected, parse_campaign, parse_offer
from tests.offers.builders import DEFAULTS, NOW_MS, visitor
from tests.recipes.mutated_types import Mutation, Record, fields_of, mutations

# All of the showcase, and of the catalogue, which repeats itself, a part.
OFFERS, CAMPAIGNS = demo_offers("https://pages.example")[:60], demo_campaigns()[:60]
TARGETS = [AdTarget(raw["offerId"], raw["campaignId"]) for raw in CAMPAIGNS[:32]]
DEFAULT = Defaults(DEFAULT_OFFER_ID, DEFAULT_CAMPAIGN_ID, DEFAULTS.page)
VISITORS = [
    *(visitor(country) for country in ("US", "CA", "GB", "DE", "CN", "JP", "IN", None)),
    visitor("US", device_type="smartphone", os="iOS", platform="iOS"),
    replace(visitor("US"), geo=replace(visitor("US").geo, isp="Spectrum")),
]
MAX_RISE_PERCENT = 5
# Target rules that cannot be read keep the live record; by themselves they close nothing.
CLOSING = {"caps", "affiliateStatus"}


class Recipe(NamedTuple):
    """Parsed records by id."""

    offers: dict[int, Offer]
    campaigns: dict[int, Campaign]

    def offer(self, offer_id: int) -> Offer | None:
        return self.offers.get(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        return self.campaigns.get(campaign_id)


def parsed(parse: Callable[[Record], Any], raws: list[Record], live: dict[int, Any]) -> dict[int, Any]:
    """The records by id; those rejected or with something unreadable stay as they are live, if they are."""
    found = {}
    for raw in raws:
        try:
            record = parse(raw)
        except RecordRejected as error:
            if error.record_id in live:
                found[error.record_id] = live[error.record_id]
            continue
        record_id = record.offer_id if isinstance(record, Offer) else record.campaign_id
        found[record_id] = live[record_id] if record.unreadable and record_id in live else record
    return found


LIVE = Recipe(parsed(parse_offer, OFFERS, {}), parsed(parse_campaign, CAMPAIGNS, {}))


class Taken(NamedTuple):
    """By whom a click may be taken, on a page of its own; nobody takes one that is `refused`."""

    is_refused: bool
    by: frozenset[int]


def taken(recipe: Recipe, target: AdTarget, who: Visitor) -> Taken:
    """What becomes of a click, whichever candidate has its turn."""
    admitted = admit(target, recipe, DEFAULT)
    if isinstance(admitted, Refusal):
        return Taken(True, frozenset())
    click, found, most, turn = ClickContext(*admitted, who, NOW_MS, "", ""), set(), 1, 0

    def choose(_campaign: int, _offer: int, ids: tuple[int, ...]) -> int:
        nonlocal most
        most = max(most, len(ids))
        return ids[turn % len(ids)]

    while turn < most:
        decision = decide(click, recipe.offer, choose, DEFAULT)
        if decision.offer is not None and not decision.is_default_page:
            found.add(decision.offer.offer_id)
        turn += 1
    return Taken(False, frozenset(found))


BEFORE = {
    (target, number): taken(LIVE, target, who) for target in TARGETS for number, who in enumerate(VISITORS)
}
PLAIN = parse_campaign({"campaignId": 1, "campaignStatus": "active"})
WELCOME = {
    number: {DEFAULT_OFFER_ID}
    | {
        offer_id
        for offer_id in LIVE.offers
        if offer_id in taken(LIVE._replace(campaigns={1: PLAIN}), AdTarget(offer_id, 1), who).by
    }
    for number, who in enumerate(VISITORS)
}


class LetIn(NamedTuple):
    """A click that is taken `by` whom it was kept away from; by nobody where it was refused."""

    target: AdTarget
    visitor: int
    by: frozenset[int]


def let_in(recipe: Recipe) -> Iterator[LetIn]:
    """The clicks that are taken now by whom they were kept away from."""
    for (target, number), before in BEFORE.items():
        after = taken(recipe, target, VISITORS[number])
        newly = after.by - before.by
        if before.is_refused and not after.is_refused:
            yield LetIn(target, number, frozenset())
        elif target.offer_id in newly or not newly <= WELCOME[number]:
            yield LetIn(target, number, newly)


def is_held(mutation: Mutation, live: dict[int, Any], parse: Callable[[Record], Any]) -> bool:
    """Whether counts over the file tell a load that a field was changed."""
    file, before = Census(), Census()
    for record in live.values():
        before.count(record)
    for raw in mutation.records:
        try:
            file.count(parse(raw))
        except RecordRejected:
            file.count_rejected()
    return bool(damages(file, before, MAX_RISE_PERCENT))


@pytest.mark.parametrize("field", fields_of(OFFERS))
def test_a_change_of_an_offer_field_lets_nobody_in(field: str) -> None:
    for mutation in mutations(OFFERS, field):
        recipe = Recipe(parsed(parse_offer, mutation.records, LIVE.offers), LIVE.campaigns)
        found = list(let_in(recipe))
        assert not found or is_held(mutation, LIVE.offers, parse_offer), (mutation.change, found)


@pytest.mark.parametrize("field", fields_of(CAMPAIGNS))
def test_a_change_of_a_campaign_field_lets_nobody_in(field: str) -> None:
    for mutation in mutations(CAMPAIGNS, field):
        recipe = Recipe(LIVE.offers, parsed(parse_campaign, mutation.records, LIVE.campaigns))
        found = list(let_in(recipe))
        assert not found or is_held(mutation, LIVE.campaigns, parse_campaign), (mutation.change, found)


@pytest.mark.parametrize("field", fields_of(OFFERS))
def test_an_offer_that_cannot_be_read_is_closed_where_none_is_live(field: str) -> None:
    for mutation in mutations(OFFERS, field):
        recipe = Recipe(parsed(parse_offer, mutation.records, {}), LIVE.campaigns)
        closed = {offer_id for offer_id, offer in recipe.offers.items() if offer.unreadable}
        found = [click for click in let_in(recipe) if click.target.offer_id in closed or click.by & closed]
        assert not found, (mutation.change, found)


@pytest.mark.parametrize("field", fields_of(CAMPAIGNS))
def test_a_campaign_that_cannot_be_read_is_closed_where_none_is_live(field: str) -> None:
    for mutation in mutations(CAMPAIGNS, field):
        recipe = Recipe(LIVE.offers, parsed(parse_campaign, mutation.records, {}))
        closed = {number for number, found in recipe.campaigns.items() if found.unreadable & CLOSING}
        found = [click for click in let_in(recipe) if click.target.campaign_id in closed]
        assert not found, (mutation.change, found)
