"""The engine's answer to a click, in the words of the plain reading."""

from offers.admission import Refusal, admit
from offers.decision_cache import DecisionCache
from offers.links.tokens import AdTarget
from offers.routing.decision import Decision, Defaults
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import decide
from offers.rules.common.verdict import ClickContext
from offers.visitors.device import Device
from offers.visitors.geoip import Geo
from offers.visitors.visitor import Visitor
from recipes.records.landing_page import compile_page
from recipes.records.records import Campaign, Offer, parse_campaign, parse_offer
from tests.differential.fields import Raw
from tests.differential.parts import Click
from tests.differential.plain import LAST_RESORT, Answer, Recipe


class Records:
    """A recipe, parsed as it is in a worker: a record stays one object until it is saved anew."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._parsed: dict[int, tuple[Raw, Offer | Campaign]] = {}

    def offer(self, offer_id: int) -> Offer | None:
        """The offer of this id."""
        raw = self._recipe.offers.get(offer_id)
        if raw is None:
            return None
        if id(raw) not in self._parsed:
            self._parsed[id(raw)] = raw, parse_offer(raw)
        found = self._parsed[id(raw)][1]
        assert isinstance(found, Offer)
        return found

    def campaign(self, campaign_id: int) -> Campaign | None:
        """The campaign of this id."""
        raw = self._recipe.campaigns.get(campaign_id)
        if raw is None:
            return None
        if id(raw) not in self._parsed:
            self._parsed[id(raw)] = raw, parse_campaign(raw)
        found = self._parsed[id(raw)][1]
        assert isinstance(found, Campaign)
        return found


class Engine:
    """Answers one click after another, with remembered decisions if there are to be any."""

    def __init__(self, recipe: Recipe, known: DecisionCache[Decision] | None = None) -> None:
        self._records = Records(recipe)
        self._round_robin = RoundRobin()
        self._known = known
        self._defaults = Defaults(
            recipe.default_offer_id, recipe.default_campaign_id, compile_page(LAST_RESORT)
        )

    def answer(self, click: Click) -> Answer | None:
        """Where the click goes; None where it is refused."""
        target = AdTarget(click.offer_id, click.campaign_id)
        admitted = admit(target, self._records, self._defaults)
        if isinstance(admitted, Refusal):
            return None
        context = ClickContext(*admitted, _visitor(click), click.now_ms, "", click.visitor["cid"] or "")
        decision = self._known.get(context) if self._known else None
        if decision is None:
            decision = decide(context, self._records.offer, self._round_robin.choose, self._defaults)
            if self._known:
                decision = self._known.keep(context, decision, lambda same: same)
        return _answer(decision)


def _visitor(click: Click) -> Visitor:
    seen = click.visitor
    device = Device(
        device_type=seen["deviceType"] or "unknown",
        browser=None,
        browser_version=None,
        os=seen["os"],
        platform=None,
    )
    return Visitor("192.0.2.1", "agent", "en", Geo(seen["country"], None, None, None), device)


def _answer(decision: Decision) -> Answer:
    return Answer(
        decision.redirect_type,
        decision.offer.offer_id if decision.offer else 0,
        decision.page.text,
        decision.payin,
        decision.payout,
        decision.origin.offer_id if decision.origin else 0,
        decision.nested_steps,
    )
