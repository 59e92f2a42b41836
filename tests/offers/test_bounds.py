"""What a worker remembers is bounded, and whoever sends junk neither fills nor empties it."""

import asyncio
import os
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from offers.catalog.catalog import Catalog
from offers.catalog.record_cache import MAX_UNKNOWN_IDS
from offers.click_log.record import plan_visitor
from offers.decision_cache import DecisionCache
from offers.links.tokens import BadToken, TokenReader, encrypt
from offers.routing.decision import Decision
from offers.visitors.address import AddressReader
from offers.visitors.device import NO_HINTS, ClientHints, DeviceReader
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import USUAL_CHARACTERS, Clues, VisitorReader
from recipes.records.countries import COUNTRY_CODES
from recipes.records.kinds import RecipeKind
from recipes.records.records import Offer
from recipes.store.reader import RecipeReader
from recipes.store.types import Change, LiveRead
from tests.environment import ENCRYPTION_KEY
from tests.offers.builders import campaign, context, decided, offer, target, visitor
from tests.recipe import offer_blob

ENTRIES = 50


class Recipe(RecipeReader):
    """A recipe of the offers 1 to 10, that counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, wanted: Iterable[tuple[RecipeKind, int]]) -> dict[RecipeKind, LiveRead]:
        self.reads += 1
        ids = [record_id for _, record_id in wanted]
        blobs = [offer_blob(record_id) if record_id <= 10 else None for record_id in ids]
        return {RecipeKind.OFFERS: LiveRead(1, ids, blobs)}


@pytest.fixture
def visitors(geoip_databases: None) -> VisitorReader:
    geo = GeoReader(os.environ["MAXMIND_PATH"], os.environ["MAXMIND_PATH_ISP"])
    return VisitorReader(plan_visitor, AddressReader([], ""), geo, DeviceReader(ENTRIES), ENTRIES)


def clues(user_agent: str = "Firefox", language: str = "en", hints: ClientHints = NO_HINTS) -> Clues:
    return Clues("34.99.99.105", "", user_agent, language, hints)


def test_no_more_visitors_are_remembered_than_there_is_room_for(visitors: VisitorReader) -> None:
    for number in range(3 * ENTRIES):
        visitors.read(clues(f"Firefox/{number}"))
    assert visitors.remembered.cache_info().currsize == ENTRIES
    assert visitors.devices.remembered.cache_info().currsize == ENTRIES


@pytest.mark.parametrize(
    "large",
    [
        clues("x" * (USUAL_CHARACTERS + 1)),
        clues(language="x" * (USUAL_CHARACTERS + 1)),
        clues(hints=ClientHints(full_version_list="x" * (USUAL_CHARACTERS + 1))),
        clues(hints=ClientHints(platform_version="x" * (USUAL_CHARACTERS + 1))),
    ],
    ids=["user agent", "language", "brands", "version"],
)
def test_what_is_larger_than_any_browser_sends_is_read_but_not_remembered(
    visitors: VisitorReader, large: Clues
) -> None:
    assert visitors.read(large).visitor.user_agent == large.user_agent
    assert visitors.remembered.cache_info().currsize == 0
    assert visitors.devices.remembered.cache_info().currsize == 0


def test_junk_tokens_push_no_good_one_out() -> None:
    tokens = TokenReader(ENCRYPTION_KEY, ENTRIES)
    tokens.read(encrypt(1, 1, ENCRYPTION_KEY))
    for number in range(10 * ENTRIES):
        with pytest.raises(BadToken):
            tokens.read(f"{number:032x}:{number:032x}")
    assert tokens.decrypted.cache_info().currsize == 1


async def ask(catalog: Catalog, ids: Iterable[int]) -> list[Offer | None]:
    return [await catalog.offer(offer_id) for offer_id in ids]


def test_ids_that_do_not_exist_push_no_record_out() -> None:
    recipe = Recipe()
    catalog = Catalog(recipe, ENTRIES)
    asyncio.run(ask(catalog, range(1, 11)))
    assert not any(asyncio.run(ask(catalog, range(11, 11 + 10 * ENTRIES))))
    recipe.reads = 0
    assert all(asyncio.run(ask(catalog, range(1, 11))))
    assert recipe.reads == 0


def test_ids_that_do_not_exist_are_remembered_up_to_a_limit() -> None:
    recipe = Recipe()
    catalog = Catalog(recipe, ENTRIES)
    asyncio.run(ask(catalog, [11, 11]))
    assert recipe.reads == 1
    asyncio.run(ask(catalog, range(12, 12 + MAX_UNKNOWN_IDS)))
    recipe.reads = 0
    asyncio.run(ask(catalog, [11]))
    assert recipe.reads == 1


def test_an_id_that_came_into_being_is_read_again() -> None:
    recipe = Recipe()
    catalog = Catalog(recipe, ENTRIES)
    asyncio.run(ask(catalog, [11]))
    catalog.apply(Change(1, RecipeKind.OFFERS, 11))
    asyncio.run(ask(catalog, [11]))
    assert recipe.reads == 2


def itself(decision: Decision) -> Decision:
    """Work out nothing."""
    return decision


def test_decisions_are_remembered_up_to_a_limit() -> None:
    known = DecisionCache[Decision](ENTRIES)
    clicks = [decided(context(offer(number), campaign(number))) for number in range(1, 3 * ENTRIES)]
    for click in clicks:
        known.keep(click.context, click.decision, itself)
    assert sum(known.get(click.context) is not None for click in clicks) <= ENTRIES
    assert known.get(clicks[-1].context) is clicks[-1].decision


def test_the_decisions_of_one_campaign_count_one_by_one() -> None:
    known = DecisionCache[Decision](ENTRIES)
    places = sorted(COUNTRY_CODES)[: ENTRIES + 10]
    rows = [{"country": place, "lpUrl": "https://own.example/"} for place in places]
    one, another = offer(1, customLpRules={"customLPRules": rows}), campaign(1)
    other = decided(context(offer(2), campaign(2)))
    known.keep(other.context, other.decision, itself)
    for place in places:
        click = decided(context(one, another, visitor(place)))
        known.keep(click.context, click.decision, itself)
    assert known.get(other.context) is None


@pytest.mark.parametrize("changed", ["offer", "campaign"])
def test_no_decision_outlives_the_records_that_it_was_made_of(changed: str) -> None:
    known = DecisionCache[Decision](ENTRIES)
    before = decided(context(offer(), campaign()))
    known.keep(before.context, before.decision, itself)
    record = offer() if changed == "offer" else campaign()
    assert known.get(replace(before.context, **{changed: record})) is None


@pytest.mark.parametrize(
    ("country", "same"), [("US", True), ("DE", True), ("FR", False), (None, False)], ids=str
)
def test_a_decision_holds_for_every_country_of_which_the_offer_says_nothing(
    country: str | None, same: bool
) -> None:
    known = DecisionCache[Decision](ENTRIES)
    one, another = offer(countriesRestrictions="FR"), campaign()
    first = decided(context(one, another, visitor("US")))
    known.keep(first.context, first.decision, itself)
    found = known.get(context(one, another, visitor(country)))
    assert (found is first.decision) is same


@pytest.mark.parametrize(
    ("of_offer", "of_campaign"),
    [
        ({"startEndDateSetup": 1, "startEndDateSetting": {"dateRangePass": True}}, {}),
        ({"type": "aggregated"}, {}),
        ({}, {"targetRules": target(("browser", "Chrome"))}),
        ({"capSetup": 1, "capInfo": {"dateRangeSetUp": 1}}, {}),
        ({}, {"capSetup": 1, "capInfo": {"dateRangeSetUp": 1}}),
        ({"countriesRestrictions": "US", "offerIdRedirectExitTraffic": 2}, {}),
    ],
    ids=["dates", "candidates", "target rules", "offer caps' dates", "campaign caps' dates", "an exit"],
)
def test_a_decision_that_hangs_on_more_is_made_anew(
    of_offer: dict[str, object], of_campaign: dict[str, object]
) -> None:
    known = DecisionCache[Decision](ENTRIES)
    click = decided(context(offer(**of_offer), campaign(**of_campaign)))
    known.keep(click.context, click.decision, itself)
    assert known.get(click.context) is None


def test_what_was_worked_out_of_a_decision_is_there_when_the_same_is_decided_again() -> None:
    known = DecisionCache[Decision](ENTRIES)
    one, another = offer(), campaign(targetRules=target(("browser", "Chrome")))
    first, again = (decided(context(one, another, visitor(country))) for country in ("US", "DE"))
    other = decided(context(one, another, visitor(browser="Firefox")))
    assert known.keep(first.context, first.decision, itself) is first.decision
    assert known.keep(again.context, again.decision, itself) is first.decision
    assert known.keep(other.context, other.decision, itself) is other.decision


def test_outcomes_of_one_campaign_count_one_by_one() -> None:
    known = DecisionCache[Decision](ENTRIES)
    one, another = offer(), campaign(targetRules=target(("browser", "Chrome")))
    click = decided(context(one, another))
    first = known.keep(click.context, click.decision, itself)
    for number in range(2 * ENTRIES):
        known.keep(click.context, replace(first, page_id=number), itself)
    again = replace(first)
    assert known.keep(click.context, again, itself) is again
