"""Decides clicks of the log again, under the recipe that is live and under another: what would differ?

Both decisions are of this moment, so that only the recipe makes the difference, not the time that has passed.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import msgspec

from offers.admission import Refusal, admit
from offers.click_log.record import fields
from offers.links.tokens import AdTarget
from offers.routing.routing import Defaults, decide
from offers.rules.common.verdict import ClickContext
from offers.visitors.device import Device
from offers.visitors.geoip import Geo
from offers.visitors.visitor import Visitor
from recipes.records.fields import id_of
from recipes.records.records import Campaign, Offer, RecordRejected, parse_campaign, parse_offer

KEPT_EXAMPLES = 3
KEPT_GROUPS = 100
REMEMBERED_RECORDS = 20_000
SHOWN_CHARACTERS = 300
FOUND_NOTHING = "found nothing"

Get = Callable[[int], bytes | None]
Record = TypeVar("Record", Offer, Campaign)


class SimulatedOutcome(NamedTuple):
    """Where a click goes: by which rule, to which offer (0: none) and page, and for how much."""

    rule: str
    offer_id: int
    page: str
    payin: str
    payout: str

    def goes_where(self, other: "SimulatedOutcome") -> bool:
        """Whether both end at the same offer and page."""
        return (self.offer_id, self.page) == (other.offer_id, other.page)


class SimulatedClick(msgspec.Struct, frozen=True):
    """One click that would go elsewhere."""

    lid: str
    country: str
    offer_id: int
    campaign_id: int
    from_offer_id: int
    from_page: str
    to_offer_id: int
    to_page: str


class SimulatedGroup(msgspec.Struct):
    """Clicks that would go elsewhere, by the rule that decides now and the one that would."""

    from_rule: str
    to_rule: str
    count: int = 0
    examples: list[SimulatedClick] = []


class Simulated(msgspec.Struct, kw_only=True):
    """What would become of clicks. `paid_otherwise` go where they go now, for other amounts.

    `unreadable` are in the log, and no clicks that can be decided again.
    """

    clicks: int = 0
    elsewhere: int = 0
    paid_otherwise: int = 0
    unreadable: int = 0
    groups: list[SimulatedGroup] = []


class RecipeView:
    """Offers and campaigns by id, parsed, over whatever gives them raw; remembers those asked for last."""

    def __init__(self, offer: Get, campaign: Get) -> None:
        self._offer = lru_cache(REMEMBERED_RECORDS)(lambda found: _parsed(offer(found), parse_offer))
        self._campaign = lru_cache(REMEMBERED_RECORDS)(lambda found: _parsed(campaign(found), parse_campaign))

    def offer(self, offer_id: int) -> Offer | None:
        """The offer of this id."""
        return self._offer(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign of this id."""
        return self._campaign(campaign_id)


def redecide(
    clicks: Iterable[bytes],
    live: RecipeView,
    candidate: RecipeView,
    defaults: Defaults,
    now_ms: int,
    progress: Callable[[int], object],
) -> Simulated:
    """What would become of click records; `progress` hears how many were looked at."""
    found, groups = Simulated(), dict[tuple[str, str], SimulatedGroup]()
    for record in clicks:
        found.clicks += 1
        progress(found.clicks)
        try:
            click = fields(record)
            before = outcome(click, live, defaults, now_ms)
            after = outcome(click, candidate, defaults, now_ms)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
            found.unreadable += 1
            continue
        if before.goes_where(after):
            found.paid_otherwise += before[3:] != after[3:]
            continue
        found.elsewhere += 1
        _note(groups, click, before, after)
    found.groups = sorted(groups.values(), key=lambda group: -group.count)
    return found


def outcome(click: dict[str, Any], recipe: RecipeView, defaults: Defaults, now_ms: int) -> SimulatedOutcome:
    """Where a click of the log would go now, under a recipe."""
    target = target_of(click)
    admitted = admit(target, recipe, defaults)
    if isinstance(admitted, Refusal):
        return SimulatedOutcome(f"{FOUND_NOTHING}: {admitted.reason.value}", 0, "", "", "")
    offer, campaign = admitted
    sub_campaign, cid = str(click.get("subCampaign", "")), str(click.get("cid", ""))
    context = ClickContext(offer, campaign, _visitor(click), now_ms, sub_campaign, cid)
    lid = str(click["lid"])

    def choose(_: int, __: int, candidates: tuple[int, ...]) -> int:
        # By the click, not in turn: where the candidates are the same, so is the choice, and where one is
        # gone, only its own clicks go elsewhere.
        return max(candidates, key=lambda candidate: _weight(lid, candidate))

    decision = decide(context, recipe.offer, choose, defaults)
    return SimulatedOutcome(
        decision.redirect_type,
        decision.offer.offer_id if decision.offer else 0,
        decision.page.text,
        f"{decision.payin.normalize():f}",
        f"{decision.payout.normalize():f}",
    )


def target_of(click: dict[str, Any]) -> AdTarget:
    """The offer that a click was meant for, and its campaign. Raises `KeyError` where it has none."""
    offer_id = id_of(click.get("originOfferId")) or id_of(click.get("offerId"))
    campaign_id = id_of(click.get("campaignId"))
    if not offer_id or not campaign_id:
        raise KeyError("offerId")
    return AdTarget(offer_id, campaign_id)


def _visitor(click: dict[str, Any]) -> Visitor:
    """The visitor as the log has them."""
    get = click.get
    return Visitor(
        address=str(get("IP", "")),
        user_agent=str(get("userAgent", "")),
        accept_language="",
        geo=Geo(get("country"), get("region"), get("city"), get("isp")),
        device=Device(
            device_type=str(get("deviceType") or "unknown"),
            browser=get("browser"),
            browser_version=get("browserVersion"),
            os=get("os"),
            platform=get("platform"),
        ),
    )


def _weight(lid: str, candidate: int) -> bytes:
    return blake2b(f"{lid} {candidate}".encode(), digest_size=8).digest()


def _note(
    groups: dict[tuple[str, str], SimulatedGroup],
    click: dict[str, Any],
    before: SimulatedOutcome,
    after: SimulatedOutcome,
) -> None:
    key = (before.rule, after.rule)
    if key not in groups and len(groups) >= KEPT_GROUPS:
        key = ("other rules", "other rules")
    group = groups.setdefault(key, SimulatedGroup(*key))
    group.count += 1
    if len(group.examples) < KEPT_EXAMPLES:
        example = SimulatedClick(
            str(click["lid"]),
            str(click.get("country") or ""),
            *target_of(click),
            *(before.offer_id, before.page[:SHOWN_CHARACTERS]),
            *(after.offer_id, after.page[:SHOWN_CHARACTERS]),
        )
        group.examples = [*group.examples, example]


def _parsed(blob: bytes | None, parse: Callable[[dict[str, Any]], Record]) -> Record | None:
    if blob is None:
        return None
    try:
        return parse(msgspec.json.decode(blob))
    except (RecordRejected, msgspec.DecodeError):
        return None
