"""What a version of a record is counted as, and when it is closed."""

import json
from typing import Any

from offers.live_caps.versions import closed, versioned
from offers.rules import campaign_caps, offer_caps
from offers.rules.common.verdict import Exit
from recipes.records.kinds import RecipeKind
from recipes.records.records import Offer, parse_campaign, parse_offer
from tests.offers.builders import context
from tests.offers.live_caps.workers import campaign_blob, cap_info, capped_offer


def version(blob: bytes) -> Offer:
    raw: dict[str, Any] = json.loads(blob)
    return versioned(RecipeKind.OFFERS, parse_offer(raw), raw)


def name(blob: bytes) -> str:
    caps = version(blob).caps
    return caps.counted_as if caps else ""


def test_any_change_makes_another_version_and_no_order_does() -> None:
    same = json.dumps(dict(reversed(json.loads(capped_offer(5)).items()))).encode()
    others = [name(blob) for blob in (capped_offer(6), capped_offer(5, 1), capped_offer(5, name="x"))]
    assert name(capped_offer(5)) == name(same)
    assert len({name(same), *others}) == 4
    assert all(one.startswith("offers:1:") for one in others)


def test_a_record_without_limits_is_not_counted() -> None:
    assert name(capped_offer(0)) == ""


def test_a_record_closes_with_the_click_that_reaches_its_tightest_limit() -> None:
    info = cap_info(10, 7)
    info["capInfo"]["clicks"]["month"] = {"current": "98", "limit": "100"}
    open_, full = (closed(version(capped_offer(1, **info)), counted) for counted in (1, 2))
    assert open_.caps
    assert full.caps
    assert (open_.caps.over_limit, open_.caps.under_limit) == (False, True)
    assert (full.caps.over_limit, full.caps.under_limit) == (True, False)
    assert full.caps.closed_by == (
        "98 clicks of the month in the recipe and 2 counted live reach its limit of 100"
    )


def test_what_the_file_says_is_over_is_not_closed_again() -> None:
    over = version(capped_offer(10, **cap_info(10, capsClicksOverLimit=True, capsClicksUnderLimit=False)))
    assert closed(over, 50) is over


def test_the_rules_say_that_counting_has_closed_the_cap() -> None:
    offer = closed(version(capped_offer(3, redirectReason="written when it was under its cap")), 3)
    raw = json.loads(campaign_blob(**cap_info(3)))
    campaign = closed(versioned(RecipeKind.CAMPAIGNS, parse_campaign(raw), raw), 3)
    click = context(offer, campaign)
    for rule, word in ((offer_caps, "Offer"), (campaign_caps, "Campaign")):
        verdict = rule.decide(click)
        assert isinstance(verdict, Exit)
        assert "0 clicks of the day in the recipe and 3 counted live" in verdict.reason
        assert verdict.caps_type == f"caps{word}OverLimit"
        assert "3 counted live" in str(rule.inputs(click)["closedLive"])
        assert "3 counted live" in rule.describe(click)
