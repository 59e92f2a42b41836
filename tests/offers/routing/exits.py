"""Clicks that leave their offer, and offers that may not keep one."""

from typing import Any

from offers.routing.decision import Decision, Defaults, Step
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import decide
from offers.rules.common.verdict import ClickContext
from recipes.records.landing_page import compile_page
from recipes.records.records import Offer
from tests.offers.builders import context, finder, offer

DEFAULTS = Defaults(offer_id=100, campaign_id=100, page=compile_page("https://last.example/"))
LAST = "https://last.example/"
RESTRICTED: dict[str, Any] = {"countriesRestrictions": "US"}
OVER: dict[str, Any] = {"capSetup": 1, "capInfo": {"capsClicksOverLimit": 1}}
PAST = {"startDate": "2020-01-01T00:00:00.000Z", "endDate": "2021-01-01T00:00:00.000Z"}
PRESENT = {"startDate": "2020-01-01T00:00:00.000Z", "endDate": "2099-01-01T00:00:00.000Z"}


def best(*rows: int | dict[str, Any], offer_id: int = 1, **raw: Any) -> Offer:
    listed = [{"aggregatedOfferId": row} if isinstance(row, int) else row for row in rows]
    return offer(offer_id, type="aggregated", landingPageUrl=None, offersAggregatedIds=listed, **raw)


def dated(setting: dict[str, Any], frozen: bool) -> dict[str, Any]:
    return {"startEndDateSetup": 1, "startEndDateSetting": setting | {"dateRangePass": frozen}}


def over(offer_id: int, exit_to: int, **raw: Any) -> Offer:
    return offer(offer_id, offerIdRedirectExitTraffic=exit_to, **(OVER | raw))


def leaving(exit_to: int, **raw: Any) -> ClickContext:
    """A click that its offer, number 1, may not have."""
    return context(offer(**(RESTRICTED | {"offerIdRedirectExitTraffic": exit_to} | raw)))


def decided(click: ClickContext, *offers: Offer, trace: list[Step] | None = None) -> Decision:
    return decide(click, finder(click.offer, *offers), RoundRobin().choose, DEFAULTS, trace)


def exit_target(click: ClickContext, *offers: Offer) -> int | None:
    found = decided(click, *offers).offer
    return found.offer_id if found else None
