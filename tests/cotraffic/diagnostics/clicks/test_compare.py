"""A recorded click beside what the same visitor would get now."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
import redis

from cotraffic.diagnostics.clicks.compare import GROUPS, NOT_COMPARED, FieldGroup, compare
from cotraffic.diagnostics.explain.explain import explain
from cotraffic.diagnostics.explain.recorded import explain_request_of
from cotraffic.diagnostics.explain.request import read_explain_request
from cotraffic.diagnostics.explain.result import Explanation
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.click_log.record import ClickPart, DecisionPart, VisitorPart, fields, record
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.offers.builders import campaign, context, decided, offer, visitor
from tests.recipe import change_record, make_live, offer_blob

FRANCE, US = "82.237.47.21", "34.99.99.105"
RESTRICTED = offer_blob(2, countriesRestrictions="FR", offerIdRedirectExitTraffic=1)


@pytest.fixture
def store(redis_client: redis.Redis, geoip_databases: None) -> RecipeStore:
    store = RecipeStore(redis_client)
    make_live(store, RecipeKind.OFFERS, {1: offer_blob(1, payin=4), 2: RESTRICTED})
    plain = {"campaignId": 1, "affiliateId": 7, "campaignStatus": "active"}
    make_live(store, RecipeKind.CAMPAIGNS, {1: json.dumps(plain).encode()})
    return store


def explained(explain_request: Any) -> Explanation:
    async def once() -> Explanation:
        client = open_redis()
        async with aclosing(client):
            return await explain(build_handler(client, build_click_writer()), explain_request)

    return asyncio.run(once())


def recorded(**texts: str) -> dict[str, Any]:
    """The record of a click by somebody in France on offer 2, which sends the French to offer 1."""
    usual = {
        "offer": "2",
        "campaign": "1",
        "address": FRANCE,
        "user_agent": "Mozilla/5.0 (iPhone)",
        "cid": "c",
    }
    kept = explained(read_explain_request(usual | texts)).record
    assert kept
    return kept


def again(kept: dict[str, Any]) -> tuple[Explanation, tuple[FieldGroup, ...]]:
    explain_request = explain_request_of(kept)
    assert explain_request
    now = explained(explain_request)
    return now, compare(kept, now)


def different(groups: tuple[FieldGroup, ...]) -> set[str]:
    return {field.name for group in groups for field in group.fields if field.differs}


def test_every_field_of_a_record_has_its_place_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    parts = (ClickPart, DecisionPart, VisitorPart)
    encoded = {field.encode_name for part in parts for field in msgspec.structs.fields(part)}
    assert set(grouped) == encoded | {"isUniqueVisit", "isUniqueVisitAssumed"}
    assert len(grouped) == len(set(grouped))


def test_nothing_differs_while_nothing_changed(store: RecipeStore) -> None:
    kept = recorded()
    now, groups = again(kept)
    assert now.record
    assert now.record["offerId"] == kept["offerId"] == 1
    assert different(groups) == set()


def test_the_offer_that_was_left_is_asked_about_again(store: RecipeStore) -> None:
    kept = recorded()
    change_record(store, RecipeKind.OFFERS, 2, offer_blob(2))
    now, groups = again(kept)
    assert now.record
    assert now.record["offerId"] == 2
    assert {"offerId", "redirectType", "originOfferId", "payin"} <= different(groups)


def test_a_changed_amount_is_marked(store: RecipeStore) -> None:
    kept = recorded()
    change_record(store, RecipeKind.OFFERS, 1, offer_blob(1, payin=5))
    assert different(again(kept)[1]) == {"payin"}


def test_an_amount_spelled_differently_is_the_same(store: RecipeStore) -> None:
    kept = recorded()
    change_record(store, RecipeKind.OFFERS, 1, offer_blob(1, payin="4.0000"))
    assert different(again(kept)[1]) == set()


def test_an_address_that_moved_is_marked_and_decides(store: RecipeStore) -> None:
    kept = recorded() | {"country": "DE", "redirectType": "defaultRedirection"}
    assert {"country", "redirectType"} <= different(again(kept)[1])


def test_the_device_is_the_recorded_one_whatever_the_user_agent_says(store: RecipeStore) -> None:
    kept = recorded() | {"os": "Windows", "platform": "Windows", "deviceType": "desktop"}
    now, groups = again(kept)
    assert now.visitor["os"] == "Windows"
    assert different(groups) == set()


def test_the_page_is_filled_with_the_recorded_lid(store: RecipeStore) -> None:
    change_record(
        store, RecipeKind.OFFERS, 1, offer_blob(1, landingPageUrl="https://p.example/?l={lid}&c={cid}")
    )
    kept = recorded()
    assert kept["landingPageUrl"].endswith("&c=c")
    assert different(again(kept)[1]) == set()


def test_a_click_that_would_be_refused_now_has_nothing_to_compare_with(store: RecipeStore) -> None:
    kept = recorded()
    change_record(store, RecipeKind.CAMPAIGNS, 1, None)
    now, groups = again(kept)
    assert now.refused
    assert not any(field.is_compared for group in groups for field in group.fields)


def test_fields_that_nobody_knows_are_shown_all_the_same() -> None:
    groups = compare({"lid": "x", "colour": "red"}, None)
    assert [(group.title, [field.name for field in group.fields]) for group in groups] == [
        ("Click", ["lid"]),
        ("Other", ["colour"]),
    ]


def test_what_each_click_has_of_its_own_is_never_marked() -> None:
    kept = fields(record(decided(context(offer(), campaign(), visitor()))))
    assert {"lid", "dateAdded", "ttl"} <= NOT_COMPARED & kept.keys()
