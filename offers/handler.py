"""The one path from a click to its answer, for every entry point; it knows neither Django nor ASGI.

`ClickHandler.resolve` decides a click and changes nothing outside this process; `ClickHandler.finish` writes
it down, counts it and answers.
"""

import asyncio
import time
from asyncio import Future
from collections.abc import Callable
from functools import partial

from offers.admission import UNAVAILABLE, Reason, Refusal, admit
from offers.catalog.catalog import Catalog, CatalogUnavailable, NothingLoaded, RecordView
from offers.catalog.record_cache import CacheMiss, RecordSource
from offers.click_ids import ClickIds
from offers.click_log.record import Click
from offers.click_log.writer import ClickWriter
from offers.decision_cache import DecisionCache
from offers.landing import Landing, LandingBuilder, Route
from offers.links.tokens import OLD_FORM_MARK, AdTarget, BadToken, TokenReader
from offers.refusal_timing import RefusalTiming
from offers.request import ClickRequest
from offers.response import NOT_FOUND_PAGE, UNAVAILABLE_PAGE, Answer, html_page, redirect
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import Decision, Defaults, Step, decide
from offers.rules.common.verdict import ClickContext
from offers.stats.counters import WorkerCounters
from offers.stats.types import RefusedClick
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import Visitor, VisitorReader
from recipes.records.records import Campaign, Offer

RETRY_AFTER_SECONDS = 5
# Values kept of a refused click, to show to staff, are cut to this length.
SHOWN_CHARACTERS = 500

# Takes the answer to one click; it must not raise.
Send = Callable[[Answer], object]


class ClickHandler:
    """Answers clicks. All that it needs is handed to it once, when its worker starts."""

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
        self._refusal_timing = RefusalTiming()
        self._round_robin = RoundRobin()
        self._click_ids = ClickIds()
        self._decisions = decisions
        self._not_found = redirect(not_found_url) if not_found_url else html_page(404, NOT_FOUND_PAGE)
        retry_after = (b"retry-after", str(RETRY_AFTER_SECONDS).encode())
        self._unavailable = html_page(503, UNAVAILABLE_PAGE, retry_after)

    def resolve(
        self,
        request: ClickRequest,
        records: RecordSource,
        *,
        dry_run: bool = False,
        trace: list[Step] | None = None,
    ) -> Click | Refusal:
        """Decide one click: who is sent where, for which amounts. Nothing is written, counted or answered.

        In a `dry_run` no candidate loses its turn and no decision is remembered. `trace` is filled with the
        steps of the decision. Raises `CacheMiss` for a record that `records` has to load first.
        """
        try:
            target = self.tokens.read(request.ad)
        except BadToken as error:
            return Refusal(Reason.BAD_TOKEN, f"the token {error}")
        admitted = admit(target, records, self.defaults)
        if isinstance(admitted, Refusal):
            return admitted
        offer, campaign = admitted
        now_ms = time.time_ns() // 1_000_000
        visitor = self.visitors.read(request.clues)
        context = ClickContext(offer, campaign, visitor, now_ms, request.subid, request.cid)
        decision = self.decide(context, records, dry_run, trace)
        lid = self._click_ids()
        landing = self.landing(decision, request, lid)
        return Click(lid, request, context, decision, landing.page_url, landing.location)

    def finish(self, found: Click | Refusal, request: ClickRequest, arrived: float, send: Send) -> None:
        """Write a click down, count it, and answer; `send` is called once, from the event loop.

        A redirect is sent once its click cannot be lost any more, and a refusal at the time of refusals (see
        `RefusalTiming`) for a request that arrived at `arrived` of `time.perf_counter`. HEAD is no click: it
        is answered, and neither written nor counted.
        """
        if isinstance(found, Refusal):
            self._refusal_timing.call(arrived, partial(send, self.refuse(found, request)))
        elif request.head:
            send(redirect(found.location))
        else:
            self.clicks.write(found, partial(self._written, found, arrived, send))

    def _written(self, click: Click, arrived: float, send: Send, may_answer: bool) -> None:
        """Answer a click that is written down; where it could not be, and may not be lost, refuse it."""
        if not may_answer:
            send(self.refuse(Refusal(Reason.UNWRITABLE, self.clicks.problem), click.request))
            return
        send(redirect(click.location))
        took_s, old_form = time.perf_counter() - arrived, OLD_FORM_MARK in click.request.ad
        self.counters.click(click.decision.redirect_type, took_s, old_form=old_form)

    def answer_from_memory(self, request: ClickRequest, arrived: float, send: Send) -> bool:
        """Resolve and finish a click at once.

        Returns False, with nothing done, where a record has to be read from Redis first: then call `answer`.
        """
        try:
            found = self.resolve(request, self.catalog.memory)
        except CacheMiss:
            return False
        self.finish(found, request, arrived, send)
        return True

    async def answer(self, request: ClickRequest, arrived: float, send: Send) -> None:
        """Resolve and finish a click, once the records that it needs have been read from Redis."""
        self.finish(await self.load_and_resolve(request), request, arrived, send)

    async def __call__(self, request: ClickRequest, arrived: float | None = None) -> Answer:
        """Return the answer to a click when it may be sent. `arrived` is as in `finish`; None is now."""
        answered: Future[Answer] = asyncio.get_running_loop().create_future()
        since = time.perf_counter() if arrived is None else arrived
        await self.answer(request, since, partial(_set_result, answered))
        return await answered

    async def load_and_resolve(
        self, request: ClickRequest, *, dry_run: bool = False, trace: list[Step] | None = None
    ) -> Click | Refusal:
        """Resolve a click, and read from Redis what is not in memory."""
        return await self.with_records(
            lambda records: self.resolve(request, records, dry_run=dry_run, trace=trace)
        )

    async def with_records(self, look: Callable[[RecordSource], Click | Refusal]) -> Click | Refusal:
        """Call `look`, load the records that it misses, and call it again until it misses none."""
        records = RecordView(self.catalog)
        while True:
            try:
                return look(records)
            except CacheMiss as missing:
                try:
                    await records.load(missing)
                except NothingLoaded as error:
                    return Refusal(Reason.NOTHING_LOADED, str(error))
                except CatalogUnavailable as error:
                    return Refusal(Reason.REDIS_AWAY, str(error))

    def decide(
        self, context: ClickContext, records: RecordSource, dry_run: bool, trace: list[Step] | None
    ) -> Decision:
        """Return the decision on an admitted click; one that is remembered, unless it is to be traced.

        `dry_run`, `trace` and `CacheMiss` are as in `resolve`.
        """
        if trace is not None:
            # An attempt that missed a record has left its steps there.
            trace.clear()
        elif (remembered := self._decisions.get(context)) is not None:
            return remembered
        try:
            decision = decide(context, records.offer, self._round_robin.propose, self.defaults, trace)
        except CacheMiss:
            self._round_robin.settle(taken=False)
            raise
        self._round_robin.settle(taken=not dry_run)
        return decision if dry_run else self._decisions.keep(context, decision)

    def landing(self, decision: Decision, request: ClickRequest, lid: str) -> Landing:
        """The page that a decision sends a click to, filled in."""
        route = decision.route or self._routed(decision)
        return self._landings.build(route, request.subid, request.cid, lid)

    def refuse(self, refusal: Refusal, request: ClickRequest) -> Answer:
        """Count a click that is sent nowhere, keep it for staff to see, and return its answer."""
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

    def answer_to(self, reason: Reason) -> Answer:
        """The answer that a visitor gets whose click is refused."""
        return self._unavailable if reason in UNAVAILABLE else self._not_found

    def count_error(self) -> bool:
        """Count an error of ours; return whether to log it, as the first of a second."""
        return self.counters.error()

    @property
    def geo(self) -> GeoReader:
        """The GeoIP databases that visitors are looked up in."""
        return self.visitors.geo

    def visitor(self, request: ClickRequest) -> Visitor:
        """The person behind a request: address, place, device."""
        return self.visitors.read(request.clues)

    def admit(self, target: AdTarget, records: RecordSource) -> tuple[Offer, Campaign] | Refusal:
        """The offer and campaign that the rules are asked about, or why there are none."""
        return admit(target, records, self.defaults)

    def _routed(self, decision: Decision) -> Route:
        """Work out the way to the page of a new decision, and keep it there for the next click."""
        offer_id = decision.offer.offer_id if decision.offer else 0
        campaign = decision.campaign
        route = self._landings.route(decision.page, campaign.affiliate_id, campaign.campaign_id, offer_id)
        decision.route = route
        return route


def _set_result(answered: Future[Answer], answer: Answer) -> None:
    # Whoever waits may have been cancelled meanwhile; the click is written all the same.
    if not answered.done():
        answered.set_result(answer)
