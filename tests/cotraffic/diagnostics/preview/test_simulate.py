"""Clicks of the log decided again: where they would go under another recipe, by which rules."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from cotraffic.diagnostics.preview.changes import is_refusal, rule_entry, same_rule
from cotraffic.diagnostics.preview.simulate import RecipeView, Simulated, outcome, simulate
from offers.live_caps.versions import versioned
from recipes.records.kinds import RecipeKind
from recipes.records.records import parse_offer
from tests.offers.builders import DEFAULTS, NOW_MS
from tests.recipe import deep_blob

Records = dict[int, dict[str, Any]]
LID = "9ed72f87-b7c2-4afc-ae44-b8183042ef4c"


def raw_offer(offer_id: int, **fields: Any) -> dict[str, Any]:
    page = f"https://{offer_id}.example/"
    usual = {"offerId": offer_id, "status": "public", "type": "regular", "landingPageUrl": page, "payin": 4}
    return {**usual, **fields}


ACTIVE = {"campaignId": 5, "campaignStatus": "active"}


def view(*offers: dict[str, Any], campaigns: Iterable[dict[str, Any]] = (ACTIVE,)) -> RecipeView:
    by_id = {offer["offerId"]: json.dumps(offer).encode() for offer in offers}
    campaigns_by_id = {found["campaignId"]: json.dumps(found).encode() for found in campaigns}
    return RecipeView(by_id.get, campaigns_by_id.get)


def click(lid: str = LID, **fields: Any) -> bytes:
    return json.dumps({"lid": lid, "offerId": 1, "campaignId": 5, "country": "US", **fields}).encode()


def decided(clicks: Iterable[bytes], live: RecipeView, candidate: RecipeView) -> Simulated:
    return simulate(clicks, live, candidate, DEFAULTS, NOW_MS, lambda _: None)


def test_the_same_recipe_sends_nobody_elsewhere() -> None:
    found = decided([click(), click()], view(raw_offer(1)), view(raw_offer(1)))
    assert (found.clicks, found.elsewhere, found.paid_otherwise, found.groups) == (2, 0, 0, [])


def test_clicks_that_go_elsewhere_are_grouped_by_the_rules() -> None:
    live = view(raw_offer(1, offerIdRedirectExitTraffic=2), raw_offer(2))
    candidate = view(raw_offer(1, offerIdRedirectExitTraffic=2, countriesRestrictions="US"), raw_offer(2))
    found = decided([click(), click(country="FR"), click()], live, candidate)
    assert [(g.from_rule, g.to_rule, g.count) for g in found.groups] == [
        ("defaultRedirection", "offerGeoRestriction", 2)
    ]
    example = found.groups[0].examples[0]
    assert (example.from_offer_id, example.from_page) == (1, "https://1.example/")
    assert (example.to_offer_id, example.to_page) == (2, "https://2.example/")


def test_another_page_of_the_same_offer_is_elsewhere() -> None:
    found = decided([click()], view(raw_offer(1)), view(raw_offer(1, landingPageUrl="https://new.example/")))
    assert found.elsewhere == 1
    assert [(g.from_rule, g.change, same_rule(g)) for g in found.groups] == [
        ("defaultRedirection", "page", "the same rule and offer, another page")
    ]


def test_another_offer_by_the_same_rule_is_told_apart() -> None:
    def exits_to(offer_id: int, page: str) -> RecipeView:
        restricted = raw_offer(1, countriesRestrictions="US,FR", offerIdRedirectExitTraffic=offer_id)
        return view(restricted, raw_offer(2), raw_offer(3, landingPageUrl=page))

    live, candidate = exits_to(2, "https://3.example/"), exits_to(3, "https://new.example/")
    found = decided([click(), click(country="FR")], live, candidate)
    assert [(g.from_rule, g.change, g.count) for g in found.groups] == [("offerGeoRestriction", "offer", 2)]
    assert same_rule(found.groups[0]) == "the same rule, another offer"


def test_a_pending_campaign_reads_not_active() -> None:
    candidate = view(raw_offer(1), campaigns=[{"campaignId": 5, "campaignStatus": "pending"}])
    [group] = decided([click()], view(raw_offer(1)), candidate).groups
    assert is_refusal(group.to_rule)
    assert rule_entry(group.to_rule).words.short == "campaign not active"
    assert same_rule(group) == ""


def test_another_amount_at_the_same_page_is_told_apart() -> None:
    found = decided([click()], view(raw_offer(1)), view(raw_offer(1, payin=5)))
    assert (found.elsewhere, found.paid_otherwise) == (0, 1)


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (view(), "refused: unknown offer"),
        (view(raw_offer(1), campaigns=()), "refused: unknown campaign"),
        (
            view(raw_offer(1), campaigns=[{"campaignId": 5, "campaignStatus": "blocked"}]),
            "refused: blocked campaign",
        ),
    ],
)
def test_clicks_that_would_find_nothing_say_why(candidate: RecipeView, rule: str) -> None:
    found = decided([click()], view(raw_offer(1)), candidate)
    assert [(g.from_rule, g.to_rule) for g in found.groups] == [("defaultRedirection", rule)]


def test_a_click_is_decided_for_the_offer_that_it_was_meant_for() -> None:
    live = view(raw_offer(1, countriesRestrictions="US", offerIdRedirectExitTraffic=2), raw_offer(2))
    found = decided([click(offerId=2, originOfferId=1)], live, view(raw_offer(1), raw_offer(2)))
    assert [(g.from_rule, g.to_rule) for g in found.groups] == [("offerGeoRestriction", "defaultRedirection")]


def test_the_visitor_is_the_one_in_the_log() -> None:
    condition = {"dimension": "deviceType", "value": "smartphone"}
    rule = {"include": True, "filterGroups": [{"conditions": [condition]}]}
    target = [{"rules": json.dumps({"redirectTo": 2, "rules": [rule]})}]
    offers = (raw_offer(1), raw_offer(2))
    candidate = view(*offers, campaigns=[{**ACTIVE, "targetRules": target}])
    clicks = [click(deviceType="smartphone"), click(deviceType="desktop"), click()]
    assert decided(clicks, view(*offers), candidate).elsewhere == 1


def test_only_the_clicks_of_a_candidate_that_is_gone_go_elsewhere() -> None:
    def best(*candidates: int) -> RecipeView:
        rows = [{"aggregatedOfferId": found} for found in candidates]
        aggregated = raw_offer(1, type="aggregated", offersAggregatedIds=rows)
        return view(aggregated, *(raw_offer(n) for n in (11, 12, 13)))

    clicks = [click(f"{number:08}", originOfferId=1) for number in range(300)]
    live = best(11, 12, 13)
    to_12 = sum(outcome(json.loads(c), live, DEFAULTS, NOW_MS).offer_id == 12 for c in clicks)
    assert 60 < to_12 < 140
    assert decided(clicks, live, best(11, 13)).elsewhere == to_12
    assert decided(clicks, live, best(13, 12, 11)).elsewhere == 0


def test_what_is_no_click_is_counted_and_does_no_harm() -> None:
    junk = [b"{", b"[]", b"{}", json.dumps({"lid": "x", "offerId": "?", "campaignId": 5}).encode()]
    found = decided([*junk, click()], view(raw_offer(1)), view(raw_offer(1)))
    assert (found.clicks, found.unreadable, found.elsewhere) == (5, 4, 0)


def test_a_record_too_deep_to_decode_is_an_unknown_one() -> None:
    candidate = RecipeView({1: deep_blob(1, 2000)}.get, {5: json.dumps(ACTIVE).encode()}.get)
    found = decided([click()], view(raw_offer(1)), candidate)
    assert [group.to_rule for group in found.groups] == ["refused: unknown offer"]


def test_examples_and_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotraffic.diagnostics.preview.simulate.KEPT_GROUPS", 1)
    live = view(raw_offer(1), raw_offer(2, countriesRestrictions="US", offerIdRedirectExitTraffic=1))
    candidate = view()
    clicks = [click(str(n)) for n in range(20)] + [click(originOfferId=2)]
    found = decided(clicks, live, candidate)
    assert [(g.from_rule, g.count, len(g.examples)) for g in found.groups] == [
        ("defaultRedirection", 20, 3),
        ("other rules", 1, 1),
    ]


def capped(limit: int) -> dict[str, Any]:
    info = {"clicks": {"day": {"current": 0, "limit": limit}}, "capsClicksUnderLimit": True}
    return raw_offer(1, offerIdRedirectExitTraffic=2, capSetup=True, capInfo=info)


def test_live_counts_close_a_record_and_a_new_version_of_it_begins_anew() -> None:
    def counted(name: str) -> int:
        return 10 if name == live_name else 0

    raw = capped(10)
    live_name = versioned(RecipeKind.OFFERS, parse_offer(raw), raw).caps.counted_as  # type: ignore[union-attr]
    records = {1: json.dumps(raw).encode(), 2: json.dumps(raw_offer(2)).encode()}
    higher = records | {1: json.dumps(capped(20)).encode()}
    campaigns = {5: json.dumps(ACTIVE).encode()}
    live = RecipeView(records.get, campaigns.get, counted)
    candidate = RecipeView(higher.get, campaigns.get, counted)
    found = decided([click()], live, candidate)
    assert [(g.from_rule, g.to_rule) for g in found.groups] == [("capsOfferOverLimit", "capsOfferUnderLimit")]
