"""The one path from a request to its answer, called by both doors; it knows neither Django nor ASGI."""

import time
from collections.abc import Callable

from offers.admission import UNAVAILABLE, Reason, Refusal, admit
from offers.catalog.catalog import Catalog, CatalogUnavailable, NothingLoaded, RecordView
from offers.catalog.record_cache import CacheMiss, RecordSource
from offers.click_ids import ClickIds
from offers.click_log.record import Click
from offers.click_log.writer import ClickWriter
from offers.decision_cache import DecisionCache
from offers.landing import LandingBuilder, Route
from offers.links.tokens import OLD_FORM_MARK, AdTarget, BadToken, TokenReader
from offers.refusal_timing import RefusalTiming
from offers.request import ClickRequest
from offers.response import NOT_FOUND_PAGE, UNAVAILABLE_PAGE, Answer, html_page, redirect
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import Decision, Defaults, Step, decide
from offers.rules.verdict import ClickContext
from offers.stats.counters import WorkerCounters
from offers.stats.types import RefusedClick
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import Visitor, VisitorReader
from recipes.records.records import Campaign, Offer

RETRY_AFTER_SECONDS = 5
# Of what a refused click brought along; more helps nobody to find the broken advert.
SHOWN_CHARACTERS = 500


class ClickHandler:
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
        counters: WorkerCounters,
        decisions: DecisionCache,
        not_found_url: str = "",
    ) -> None:
        self.catalog = catalog
        self.tokens = tokens
        self.visitors = visitors
        self._landings = landings
        self.defaults = defaults
        self.clicks = clicks
        self.counters = counters
        self.refusal_timing = RefusalTiming()
        self._round_robin = RoundRobin()
        self._click_ids = ClickIds()
        self._decisions = decisions
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
            await self.refusal_timing.wait(started)
            return answer
        if not request.head:
            if not await self.clicks.written(found):
                return self.refuse_unwritten(request)
            took_s = time.perf_counter() - started
            self.counters.click(found.decision.redirect_type, took_s, old_form=OLD_FORM_MARK in request.ad)
        return redirect(found.location)

    def refuse(self, refusal: Refusal, request: ClickRequest) -> Answer:
        """The answer to a click that is sent nowhere; it may leave on the refusal beat only."""
        if self.counters.refusal(refusal.reason.value):
            self.counters.keep(
                RefusedClick(
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
        self, look: Callable[[RecordSource], Click | Refusal], trace: list[Step] | None
    ) -> Click | Refusal:
        """What `look` comes to, once everything that it wants to look at has been read from Redis."""
        records = RecordView(self.catalog)
        while True:
            try:
                return look(records)
            except CacheMiss as missing:
                if trace is not None:
                    trace.clear()
                try:
                    await records.load(missing)
                except NothingLoaded as error:
                    return Refusal(Reason.NOTHING_LOADED, str(error))
                except CatalogUnavailable as error:
                    return Refusal(Reason.REDIS_AWAY, str(error))

    def examine_now(self, request: ClickRequest) -> Click | Refusal | None:
        """The same from memory alone; None where a record would have to be read from Redis."""
        try:
            return self._examine(request, self.catalog.memory, None)
        except CacheMiss:
            return None

    @property
    def geo(self) -> GeoReader:
        """The GeoIP databases that visitors are looked up in."""
        return self.visitors.geo

    def visitor(self, request: ClickRequest) -> Visitor:
        """Who is asking."""
        return self.visitors.read(request.clues)

    def _examine(
        self, request: ClickRequest, records: RecordSource, trace: list[Step] | None
    ) -> Click | Refusal:
        """What becomes of a request. Raises `CacheMiss`."""
        try:
            target = self.tokens.read(request.ad)
        except BadToken as error:
            return Refusal(Reason.BAD_TOKEN, f"the token {error}")
        admitted = admit(target, records, self.defaults)
        if isinstance(admitted, Refusal):
            return admitted
        offer, campaign = admitted
        now_ms = time.time_ns() // 1_000_000
        context = ClickContext(offer, campaign, self.visitor(request), now_ms, request.subid, request.cid)
        decision = self._decide(context, records, trace)
        lid = self._click_ids()
        route = decision.route or self._routed(decision)
        landing = self._landings.build(route, request.subid, request.cid, lid)
        return Click(lid, request, context, decision, landing.page_url, landing.location)

    def supposed(
        self, request: ClickRequest, context: ClickContext, records: RecordSource, lid: str, trace: list[Step]
    ) -> Click:
        """An admitted click under circumstances that are not its own. Raises `CacheMiss`.

        It ends as `_examine` does, which would pay for a call: a test compares what the two come to.
        """
        decision = self._decide(context, records, trace)
        route = decision.route or self._routed(decision)
        landing = self._landings.build(route, request.subid, request.cid, lid)
        return Click(lid, request, context, decision, landing.page_url, landing.location)

    def admit(self, target: AdTarget, records: RecordSource) -> tuple[Offer, Campaign] | Refusal:
        """The offer and campaign that the rules are asked about, or why there are none."""
        return admit(target, records, self.defaults)

    def _decide(self, context: ClickContext, records: RecordSource, trace: list[Step] | None) -> Decision:
        """The decision on a click, from memory where such clicks always get the same."""
        decisions = self._decisions.get(context) if trace is None else None
        if decisions is not None:
            return decisions
        try:
            decision = decide(context, records.offer, self._round_robin.propose, self.defaults, trace)
        except CacheMiss:
            self._round_robin.settle(taken=False)
            raise
        self._round_robin.settle(taken=trace is None)
        return self._decisions.keep(context, decision)

    def _routed(self, decision: Decision) -> Route:
        """The way to the page of a decision that is new."""
        offer_id = decision.offer.offer_id if decision.offer else 0
        campaign = decision.campaign
        route = self._landings.route(decision.page, campaign.affiliate_id, campaign.campaign_id, offer_id)
        decision.route = route
        return route
