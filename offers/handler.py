"""The one path from a request to its answer, called by both doors; it knows neither Django nor ASGI."""

import time
from collections.abc import Callable

from offers.admission import UNAVAILABLE, Reason, Refusal, admit
from offers.catalog.catalog import Catalog, CatalogUnavailable, Gathered, NothingLoaded
from offers.catalog.record_cache import NotInMemory, Records
from offers.click_ids import LidMaker
from offers.click_log.record import Click
from offers.click_log.writer import ClickWriter
from offers.decision_cache import KnownDecisions
from offers.landing import LandingBuilder, Route
from offers.links.tokens import OLD_FORM_MARK, AdTarget, BadToken, TokenReader
from offers.refusal_timing import RefusalBeat
from offers.request import ClickRequest
from offers.response import NOT_FOUND_PAGE, UNAVAILABLE_PAGE, Answer, html_page, redirect
from offers.routing.round_robin import Rotation
from offers.routing.routing import Decision, Defaults, Step, decide
from offers.rules import Asked
from offers.stats.counters import Pulse
from offers.stats.types import Refused
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import Visitor, VisitorReader
from recipes.records.records import Campaign, Offer

RETRY_AFTER_SECONDS = 5
# Of what a refused click brought along; more helps nobody to find the broken advert.
SHOWN_CHARACTERS = 500


class Answerer:
    """Answers clicks; everything it needs is handed to it once.

    A redirect waits until `clicks` has its click where it cannot be lost.
    """

    def __init__(
        self,
        tokens: TokenReader,
        catalog: Catalog,
        visitors: VisitorReader,
        landings: LandingBuilder,
        defaults: Defaults,
        clicks: ClickWriter,
        pulse: Pulse,
        known: KnownDecisions,
        not_found_url: str = "",
    ) -> None:
        self.catalog = catalog
        self.tokens = tokens
        self.visitors = visitors
        self._landings = landings
        self.defaults = defaults
        self.clicks = clicks
        self.pulse = pulse
        self.refusal_beat = RefusalBeat()
        self._rotation = Rotation()
        self._make_lid = LidMaker()
        self._known = known
        self._not_found = redirect(not_found_url) if not_found_url else html_page(404, NOT_FOUND_PAGE)
        retry_after = (b"retry-after", str(RETRY_AFTER_SECONDS).encode())
        self._unavailable = html_page(503, UNAVAILABLE_PAGE, retry_after)

    async def __call__(self, request: ClickRequest, arrived: float | None = None) -> Answer:
        """The answer to a plain click, once it is written down, or to a refused one, on the beat.

        `arrived` is the time of `time.perf_counter` at which the request was here; None for now.
        """
        started = time.perf_counter() if arrived is None else arrived
        found = await self.examine(request)
        if isinstance(found, Refusal):
            answer = self.refuse(found, request)
            await self.refusal_beat.wait(started)
            return answer
        if not request.head:
            if not await self.clicks.written(found):
                return self.refuse_unwritten(request)
            took_s = time.perf_counter() - started
            self.pulse.click(found.decision.redirect_type, took_s, old_form=OLD_FORM_MARK in request.ad)
        return redirect(found.location)

    def refuse(self, refusal: Refusal, request: ClickRequest) -> Answer:
        """The answer to a click that is sent nowhere; it may leave on the refusal beat only."""
        if self.pulse.refusal(refusal.reason.value):
            self.pulse.keep(
                Refused(
                    at_ms=time.time_ns() // 1_000_000,
                    reason=refusal.reason.value,
                    detail=refusal.detail,
                    referer=request.referer[:SHOWN_CHARACTERS],
                    country=self.visitor(request).geo.country,
                    token=request.ad[:SHOWN_CHARACTERS],
                )
            )
        return self.answer_to(refusal.reason)

    def refuse_unwritten(self, request: ClickRequest) -> Answer:
        """The answer to a click that cannot be written down (`CLICKS_UNWRITABLE=refuse`)."""
        return self.refuse(Refusal(Reason.UNWRITABLE, self.clicks.problem), request)

    def answer_to(self, reason: Reason) -> Answer:
        """What a visitor sees whose click is refused."""
        return self._unavailable if reason in UNAVAILABLE else self._not_found

    async def examine(self, request: ClickRequest, trace: list[Step] | None = None) -> Click | Refusal:
        """What becomes of a request. With a `trace` it is only looked at: no candidate loses its turn."""
        return await self.with_records(lambda records: self._examine(request, records, trace), trace)

    async def with_records(
        self, look: Callable[[Records], Click | Refusal], trace: list[Step] | None
    ) -> Click | Refusal:
        """What `look` comes to, once everything that it wants to look at has been read from Redis."""
        records = Gathered(self.catalog)
        while True:
            try:
                return look(records)
            except NotInMemory as missing:
                if trace is not None:
                    trace.clear()
                try:
                    await records.load(missing)
                except NothingLoaded as problem:
                    return Refusal(Reason.NOTHING_LOADED, str(problem))
                except CatalogUnavailable as problem:
                    return Refusal(Reason.REDIS_AWAY, str(problem))

    def examine_now(self, request: ClickRequest) -> Click | Refusal | None:
        """The same from memory alone; None where a record would have to be read from Redis."""
        try:
            return self._examine(request, self.catalog.memory, None)
        except NotInMemory:
            return None

    @property
    def geo(self) -> GeoReader:
        """The GeoIP databases that visitors are looked up in."""
        return self.visitors.geo

    def visitor(self, request: ClickRequest) -> Visitor:
        """Who is asking."""
        return self.visitors.read(request.clues)

    def _examine(self, request: ClickRequest, records: Records, trace: list[Step] | None) -> Click | Refusal:
        """What becomes of a request. Raises `NotInMemory`."""
        try:
            target = self.tokens.read(request.ad)
        except BadToken as problem:
            return Refusal(Reason.BAD_TOKEN, f"the token {problem}")
        admitted = admit(target, records, self.defaults)
        if isinstance(admitted, Refusal):
            return admitted
        offer, campaign = admitted
        now_ms = time.time_ns() // 1_000_000
        asked = Asked(offer, campaign, self.visitor(request), now_ms, request.subid, request.cid)
        decision = self._decide(asked, records, trace)
        lid = self._make_lid()
        route = decision.route or self._routed(decision)
        landing = self._landings.build(route, request.subid, request.cid, lid)
        return Click(lid, request, asked, decision, landing.page_url, landing.location)

    def supposed(
        self, request: ClickRequest, asked: Asked, records: Records, lid: str, trace: list[Step]
    ) -> Click:
        """An admitted click under circumstances that are not its own. Raises `NotInMemory`.

        It ends as `_examine` does, which would pay for a call: a test compares what the two come to.
        """
        decision = self._decide(asked, records, trace)
        route = decision.route or self._routed(decision)
        landing = self._landings.build(route, request.subid, request.cid, lid)
        return Click(lid, request, asked, decision, landing.page_url, landing.location)

    def admit(self, target: AdTarget, records: Records) -> tuple[Offer, Campaign] | Refusal:
        """The offer and campaign that the rules are asked about, or why there are none."""
        return admit(target, records, self.defaults)

    def _decide(self, asked: Asked, records: Records, trace: list[Step] | None) -> Decision:
        """The decision on a click, from memory where such clicks always get the same."""
        known = self._known.get(asked) if trace is None else None
        if known is not None:
            return known
        try:
            decision = decide(asked, records.offer, self._rotation.propose, self.defaults, trace)
        except NotInMemory:
            self._rotation.settle(taken=False)
            raise
        self._rotation.settle(taken=trace is None)
        return self._known.keep(asked, decision)

    def _routed(self, decision: Decision) -> Route:
        """The way to the page of a decision that is new."""
        offer_id = decision.offer.offer_id if decision.offer else 0
        campaign = decision.campaign
        route = self._landings.route(decision.page, campaign.affiliate_id, campaign.campaign_id, offer_id)
        decision.route = route
        return route
