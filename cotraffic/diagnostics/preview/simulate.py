"""Decides clicks of the log again, under the live recipe and under another one, and counts the differences.

Both decisions are made for the same moment, so only the recipe makes a difference, not the time since.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import msgspec

from offers.admission import Refusal, admit
from offers.click_log.record import fields
from offers.links.tokens import AdTarget
from offers.live_caps.versions import closed, versioned
from offers.routing.decision import Decision, Defaults
from offers.routing.routing import decide
from offers.rules.common.verdict import ClickContext
from offers.visitors.device import Device
from offers.visitors.geoip import Geo
from offers.visitors.visitor import Visitor
from recipes.records.fields import id_of
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer, RecordRejected, parse_campaign, parse_offer

KEPT_EXAMPLES = 3
KEPT_GROUPS = 100
REMEMBERED_RECORDS = 20_000
SHOWN_CHARACTERS = 300
REFUSED = "refused"
OTHER_RULES = "other rules"

# Picks one of the open candidates of an aggregated offer, for a campaign.
Choose = Callable[[int, int, tuple[int, ...]], int]
Get = Callable[[int], bytes | None]
Counted = Callable[[str], int]
Record = TypeVar("Record", Offer, Campaign)


class SimulatedOutcome(NamedTuple):
    """Where a click goes: the rule that decides, the offer (0: none), the page, and the amounts."""

    rule: str
    offer_id: int
    page: str
    payin: str
    payout: str

    def has_same_target(self, other: "SimulatedOutcome") -> bool:
        """Return whether both end at the same offer and page."""
        return (self.offer_id, self.page) == (other.offer_id, other.page)

    def change_to(self, other: "SimulatedOutcome") -> "SimulatedChange":
        """Return what is different in another outcome with another target."""
        if self.rule != other.rule:
            return SimulatedChange.RULE
        return SimulatedChange.OFFER if self.offer_id != other.offer_id else SimulatedChange.PAGE


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


class SimulatedChange(StrEnum):
    """What would be different: the rule that decides, or, where that stays, the offer or only its page."""

    RULE = "rule"
    OFFER = "offer"
    PAGE = "page"


class SimulatedGroup(msgspec.Struct):
    """Clicks that would go elsewhere, with the rule that decides them now and the one that would.

    A rule is a redirect type, or `REFUSED` with the reason.
    """

    from_rule: str
    to_rule: str
    count: int = 0
    examples: list[SimulatedClick] = []
    change: SimulatedChange = SimulatedChange.RULE


class Simulated(msgspec.Struct, kw_only=True):
    """Clicks that would be decided differently. `paid_otherwise` have the same target and other amounts.

    `unreadable` entries of the log are not clicks that can be decided again. `live_caps_problem` says why
    live counts had no part in it, "" where they had.
    """

    clicks: int = 0
    elsewhere: int = 0
    paid_otherwise: int = 0
    unreadable: int = 0
    live_caps_problem: str = ""
    groups: list[SimulatedGroup] = []


class RecipeView:
    """Parses offers and campaigns that two functions return raw, and caches the last ones.

    `counted` returns the clicks of a live count by its name; None where none are counted.
    """

    def __init__(self, offer: Get, campaign: Get, counted: Counted | None = None) -> None:
        as_offer = _capped(RecipeKind.OFFERS, parse_offer, counted)
        as_campaign = _capped(RecipeKind.CAMPAIGNS, parse_campaign, counted)
        self._offer = lru_cache(REMEMBERED_RECORDS)(lambda found: _parsed(offer(found), as_offer))
        self._campaign = lru_cache(REMEMBERED_RECORDS)(lambda found: _parsed(campaign(found), as_campaign))

    def offer(self, offer_id: int) -> Offer | None:
        """Return the offer of this id, None if there is none that can be used."""
        return self._offer(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        """Return the campaign of this id, None if there is none that can be used."""
        return self._campaign(campaign_id)


def simulate(
    clicks: Iterable[bytes],
    live: RecipeView,
    candidate: RecipeView,
    defaults: Defaults,
    now_ms: int,
    progress: Callable[[int], object],
) -> Simulated:
    """Decide click records under both recipes. `progress` is called with the number of clicks so far."""
    found, groups = Simulated(), dict[tuple[str, str, SimulatedChange], SimulatedGroup]()
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
        if before.has_same_target(after):
            found.paid_otherwise += before[3:] != after[3:]
            continue
        found.elsewhere += 1
        _note(groups, click, before, after)
    found.groups = sorted(groups.values(), key=lambda group: -group.count)
    return found


def outcome(
    click: dict[str, object], recipe: RecipeView, defaults: Defaults, now_ms: int
) -> SimulatedOutcome:
    """Return where a click of the log would go under a recipe."""
    lid = str(click["lid"])

    def choose(_: int, __: int, candidates: tuple[int, ...]) -> int:
        # By the click and not in turn: the same candidates lead to the same choice, and if one is gone, only
        # its own clicks go elsewhere.
        return max(candidates, key=lambda candidate: _weight(lid, candidate))

    decision = decide_again(click, recipe, defaults, now_ms, choose)
    if isinstance(decision, Refusal):
        return SimulatedOutcome(f"{REFUSED}: {decision.reason.value}", 0, "", "", "")
    return SimulatedOutcome(
        decision.redirect_type,
        decision.offer.offer_id if decision.offer else 0,
        decision.page.text,
        f"{decision.payin.normalize():f}",
        f"{decision.payout.normalize():f}",
    )


def decide_again(
    click: dict[str, object], recipe: RecipeView, defaults: Defaults, now_ms: int, choose: Choose
) -> Decision | Refusal:
    """Decide a click record anew, as of `now_ms`. Raises `KeyError` where it has no offer or campaign."""
    admitted = admit(target_of(click), recipe, defaults)
    if isinstance(admitted, Refusal):
        return admitted
    offer, campaign = admitted
    sub_campaign, cid = str(click.get("subCampaign", "")), str(click.get("cid", ""))
    context = ClickContext(offer, campaign, _visitor(click), now_ms, sub_campaign, cid)
    return decide(context, recipe.offer, choose, defaults)


def target_of(click: dict[str, object]) -> AdTarget:
    """Return the ids of the offer a click was meant for and its campaign. Raises `KeyError` without them."""
    offer_id = id_of(click.get("originOfferId")) or id_of(click.get("offerId"))
    campaign_id = id_of(click.get("campaignId"))
    if not offer_id or not campaign_id:
        raise KeyError("offerId")
    return AdTarget(offer_id, campaign_id)


def _visitor(click: dict[str, object]) -> Visitor:
    """Make the visitor from the record of the click."""

    def text(name: str) -> str | None:
        value = click.get(name)
        return value if isinstance(value, str) else None

    return Visitor(
        address=text("IP") or "",
        user_agent=text("userAgent") or "",
        accept_language="",
        geo=Geo(text("country"), text("region"), text("city"), text("isp")),
        device=Device(
            device_type=text("deviceType") or "unknown",
            browser=text("browser"),
            browser_version=text("browserVersion"),
            os=text("os"),
            platform=text("platform"),
        ),
    )


def _weight(lid: str, candidate: int) -> bytes:
    return blake2b(f"{lid} {candidate}".encode(), digest_size=8).digest()


def _note(
    groups: dict[tuple[str, str, SimulatedChange], SimulatedGroup],
    click: dict[str, object],
    before: SimulatedOutcome,
    after: SimulatedOutcome,
) -> None:
    key = (before.rule, after.rule, before.change_to(after))
    if key not in groups and len(groups) >= KEPT_GROUPS:
        key = (OTHER_RULES, OTHER_RULES, SimulatedChange.RULE)
    group = groups.setdefault(key, SimulatedGroup(key[0], key[1], change=key[2]))
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


def _capped(
    kind: RecipeKind, parse: Callable[[dict[str, object]], Record], counted: Counted | None
) -> Callable[[dict[str, object]], Record]:
    """Return a `parse` whose records are closed where their live counts have reached a limit."""
    if counted is None:
        return parse

    def parse_counted(raw: dict[str, object]) -> Record:
        record = versioned(kind, parse(raw), raw)
        name = record.caps.counted_as if record.caps else ""
        return closed(record, counted(name)) if name else record

    return parse_counted


def _parsed(blob: bytes | None, parse: Callable[[dict[str, object]], Record]) -> Record | None:
    if blob is None:
        return None
    try:
        return parse(msgspec.json.decode(blob))
    except (RecordRejected, msgspec.DecodeError, RecursionError):
        return None
