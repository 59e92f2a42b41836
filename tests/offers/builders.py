"""Small offers, campaigns and visitors, read as a recipe's raw records are."""

from collections.abc import Callable
from typing import Any

from offers.click_log.record import Click, decision_part, plan_visitor
from offers.landing import LandingBuilder
from offers.request import read_request
from offers.routing.decision import DecisionPlan, Defaults
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import decide
from offers.rules.common.verdict import ClickContext
from offers.visitors.device import Device
from offers.visitors.geoip import Geo
from offers.visitors.visitor import Visitor
from recipes.records.landing_page import compile_page
from recipes.records.records import Campaign, Offer, parse_campaign, parse_offer

NOW_MS = 1_800_000_000_000
DEFAULTS = Defaults(0, 0, compile_page("https://last.example/"))


def offer(offer_id: int = 1, /, **raw: Any) -> Offer:
    """A public, regular offer with a page of its own, changed by `raw`."""
    page = f"https://{offer_id}.example/"
    usual = {"offerId": offer_id, "status": "public", "type": "regular", "landingPageUrl": page}
    return parse_offer({**usual, "payin": 4, "payout": 2, **raw})


def campaign(campaign_id: int = 1, /, **raw: Any) -> Campaign:
    """A campaign without rules, changed by `raw`."""
    return parse_campaign({"campaignId": campaign_id, "affiliateId": 7, "campaignStatus": "active", **raw})


def visitor(country: str | None = "US", /, **device: Any) -> Visitor:
    """Somebody on a desktop in Texas, or in another country."""
    region = "TX" if country == "US" else None
    geo = Geo(country=country, region=region, city=None, isp="Example ISP A")
    usual = {"device_type": "desktop", "browser": "Chrome", "os": "Windows", "platform": "Windows"}
    return Visitor("192.0.2.1", "agent", "en", geo, Device(**(usual | device)))


def context(
    an_offer: Offer | None = None,
    a_campaign: Campaign | None = None,
    who: Visitor | None = None,
    now_ms: int = NOW_MS,
    sub_campaign: str = "",
    cid: str = "",
) -> ClickContext:
    """One click."""
    return ClickContext(
        an_offer or offer(), a_campaign or campaign(), who or visitor(), now_ms, sub_campaign, cid
    )


def finder(*offers: Offer) -> Callable[[int], Offer | None]:
    """What the routing driver loads further offers through."""
    return {found.offer_id: found for found in offers}.get


def scope(query: bytes = b"", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """The ASGI scope of a person's GET."""
    agent = () if any(name == b"user-agent" for name, _ in headers) else ((b"user-agent", b"Firefox"),)
    return {
        "method": "GET",
        "query_string": query,
        "headers": (*agent, *headers),
        "client": ("192.0.2.1", 4711),
    }


def decided(the_click: ClickContext | None = None, query: bytes = b"", lid: str = "the-lid") -> Click:
    """One click with the decision on it; offer 2 is there to exit to."""
    the_click = the_click or context()
    decision = decide(the_click, finder(offer(2)), RoundRobin().choose, DEFAULTS)
    route = LandingBuilder("", "").route(decision.page, None, 2, 1)
    plan = DecisionPlan(decision, route, decision_part(decision))
    visitor_plan = plan_visitor(the_click.visitor)
    return Click(lid, read_request(scope(query)), the_click, visitor_plan, plan, "https://p.example/", "")


def target(
    *conditions: tuple[str, object], include: bool = True, redirect_to: int = 9
) -> list[dict[str, Any]]:
    """The `targetRules` of a campaign: one rule set, one rule, one group."""
    rows = [{"dimension": dimension, "value": value} for dimension, value in conditions]
    rule = {"include": include, "filterGroups": [{"conditions": rows}]}
    return [{"rules": {"redirectTo": redirect_to, "rules": [rule]}}]
