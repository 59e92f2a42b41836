"""The one path from a click to its answer, for every entry point; it knows neither Django nor ASGI.

`ClickHandler.resolve` decides a click and changes nothing outside this process; `ClickHandler.finish` writes
it down, counts it and answers.
"""

import asyncio
import time
from asyncio import Future
from collections.abc import Callable
from functools import partial

import structlog

from offers.admission import UNAVAILABLE, Reason, Refusal, admit, refused_click
from offers.catalog.catalog import Catalog, CatalogUnavailable, NothingLoaded, RecordView
from offers.catalog.noted_caps import NotedCaps
from offers.catalog.record_cache import CacheMiss, RecordSource
from offers.click_ids import ClickIds
from offers.click_log.commit import Fate
from offers.click_log.record import Click, decision_part
from offers.click_log.writer import ClickWriter
from offers.decision_cache import DecisionCache
from offers.landing import Landing, LandingBuilder
from offers.links.tokens import OLD_FORM_MARK, AdTarget, BadToken, TokenReader
from offers.live_caps.reading import CountReader
from offers.refusal_timing import RefusalTiming
from offers.request import ClickRequest
from offers.response import NOT_AHEAD, NOT_FOUND_PAGE, UNAVAILABLE_PAGE, Answer, html_page, redirect
from offers.routing.decision import Decision, DecisionPlan, Defaults, Step
from offers.routing.round_robin import RoundRobin
from offers.routing.routing import decide
from offers.rules.common.verdict import ClickContext
from offers.stats.counters import WorkerCounters
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import Visitor, VisitorReader
from recipes.records.parts import Caps
from recipes.records.records import Campaign, Offer

RETRY_AFTER_SECONDS = 5

logger = structlog.stdlib.get_logger(__name__)

# Takes the answer to one click; it must not raise.
Send = Callable[[Answer], object]


class ClickHandler:
    """Answers clicks. Its worker makes it once, with all that it needs."""

    def __init__(
        self,
        tokens: TokenReader,
        catalog: Catalog,
        visitors: VisitorReader,
        landings: LandingBuilder,
        defaults: Defaults,
        clicks: ClickWriter,
        counters: WorkerCounters,
        decisions: DecisionCache[DecisionPlan],
        not_found_url: str = "",
        live_counts: CountReader | None = None,
    ) -> None:
        self.catalog = catalog
        self.tokens = tokens
        self.visitors = visitors
        self._landings = landings
        self.defaults = defaults
        self.clicks = clicks
        self.live_counts = live_counts
        self.counters = counters
        self._refusal_timing = RefusalTiming()
        self._round_robin = RoundRobin()
        self._click_ids = ClickIds()
        self._decisions = decisions
        self._deciding_again: set[asyncio.Task[None]] = set()
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
        lid: str = "",
    ) -> Click | Refusal:
        """Decide one click: its offer, page and amounts. Nothing is written, counted or answered.

        In a `dry_run` no candidate loses its turn and no decision is remembered. `trace` is filled with the
        steps of the decision. `lid` is that of a click that is decided again, else it gets a new one. Raises
        `CacheMiss` for a record that has to be read from Redis first.
        """
        clues = request.clues
        if clues.purpose is not None and self.visitors.is_fetched_ahead(clues):
            return Refusal(Reason.FETCHED_AHEAD, f"the browser asks for a {clues.purpose.value}")
        try:
            target = self.tokens.read(request.ad)
        except BadToken as error:
            return Refusal(Reason.BAD_TOKEN, f"the token {error}")
        admitted = admit(target, records, self.defaults)
        if isinstance(admitted, Refusal):
            return admitted
        offer, campaign = admitted
        now_ms = time.time_ns() // 1_000_000
        visitor = self.visitors.read(clues)
        context = ClickContext(offer, campaign, visitor.visitor, now_ms, request.subid, request.cid)
        plan = self.decide(context, records, dry_run, trace, request.head)
        lid = lid or self._click_ids()
        landing = self.landing(plan, request, lid)
        return Click(lid, request, context, visitor, plan, landing.page_url, landing.location)

    def finish(self, found: Click | Refusal, request: ClickRequest, arrived: float, send: Send) -> None:
        """Write a click down, count it, and answer; `send` is called once, from the event loop.

        A redirect is sent when its click can no longer be lost. A refusal is sent on the beat of requests
        that arrived at `arrived` of `time.perf_counter` (see `RefusalTiming`). HEAD is answered like GET, but
        neither written nor counted.
        """
        if isinstance(found, Refusal):
            answer = self.answer_to(found.reason) if request.head else self.refuse(found, request)
            self._refusal_timing.call(arrived, partial(send, answer))
        elif request.head:
            send(redirect(found.location))
        else:
            self.clicks.write(found, partial(self._written, found, arrived, send))

    def _written(self, click: Click, arrived: float, send: Send, fate: Fate) -> None:
        """Answer a click after its commit; refuse it if it was not written and may not be lost."""
        if fate is Fate.DECIDE_AGAIN:
            again = asyncio.get_running_loop().create_task(self._decide_again(click, arrived, send))
            # The event loop itself keeps no reference to its tasks.
            self._deciding_again.add(again)
            again.add_done_callback(self._deciding_again.discard)
            return
        if fate is Fate.REFUSE:
            offer, campaign = click.context.offer, click.context.campaign
            target = AdTarget(offer.offer_id, campaign.campaign_id)
            refusal = Refusal(Reason.UNWRITABLE, self.clicks.problem, target, campaign.affiliate_id)
            send(self.refuse(refusal, click.request))
            return
        send(redirect(click.location))
        took_s, old_form = time.perf_counter() - arrived, OLD_FORM_MARK in click.request.ad
        self.counters.click(click.decision.redirect_type, took_s, old_form=old_form)
        if (automated := click.context.visitor.automated) is not None:
            self.counters.automated(automated.value)

    async def _decide_again(self, click: Click, arrived: float, send: Send) -> None:
        """Decide a click whose place under a cap was taken meanwhile; its record is over the cap by now.

        This ends: each time one more record is closed.
        """
        request = click.request
        try:
            found = await self.with_records(lambda records: self.resolve(request, records, lid=click.lid))
            self.finish(found, request, arrived, send)
        except Exception as error:
            if self.count_error():
                logger.error("a click could not be decided again", exc_info=error)
            send(self._unavailable)

    def answer_from_memory(self, request: ClickRequest, arrived: float, send: Send) -> bool:
        """Resolve and finish a click at once.

        Returns False, with nothing done, if a record has to be read from Redis first: then call `answer`.
        """
        try:
            found = self.resolve(request, self.catalog.memory)
        except CacheMiss:
            return False
        self.finish(found, request, arrived, send)
        return True

    async def answer(self, request: ClickRequest, arrived: float, send: Send) -> None:
        """Resolve and finish a click, after reading its records from Redis."""
        self.finish(await self.load_and_resolve(request), request, arrived, send)

    async def __call__(self, request: ClickRequest, arrived: float | None = None) -> Answer:
        """Return the answer to a click when it may be sent. `arrived` is as in `finish`; None means now."""
        answered: Future[Answer] = asyncio.get_running_loop().create_future()
        since = time.perf_counter() if arrived is None else arrived
        await self.answer(request, since, partial(_set_result, answered))
        return await answered

    async def load_and_resolve(
        self, request: ClickRequest, *, dry_run: bool = False, trace: list[Step] | None = None
    ) -> Click | Refusal:
        """Resolve a click, and read missing records from Redis."""
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

    async def with_live_counts(self, look: Callable[[RecordSource], Click | Refusal]) -> Click | Refusal:
        """Do the same as `with_records`, by live counts that are read now for all that `look` asks for.

        For staff alone: that is another round trip, and clicks go by the counts that their worker has.
        """
        noted: dict[str, Caps] = {}
        while True:
            noted.clear()
            found = await self.with_records(lambda records: look(NotedCaps(records, noted)))
            # Each time round, one more record is closed by a count that was read.
            if self.live_counts is None or not noted or not await self.live_counts.closes(noted):
                return found

    def decide(
        self,
        context: ClickContext,
        records: RecordSource,
        dry_run: bool,
        trace: list[Step] | None,
        is_head: bool = False,
    ) -> DecisionPlan:
        """Return the plan of the decision on an admitted click; a cached one, unless a trace is wanted.

        Neither an automated click nor a HEAD takes the turn of a candidate: it goes where the next person
        will. `dry_run`, `trace` and `CacheMiss` are as in `resolve`.
        """
        if trace is not None:
            # An earlier attempt that missed a record has left its steps.
            trace.clear()
        elif (remembered := self._decisions.get(context)) is not None:
            return remembered
        try:
            decision = decide(context, records.offer, self._round_robin.propose, self.defaults, trace)
        except CacheMiss:
            self._round_robin.rollback()
            raise
        takes_turns = not dry_run and not is_head and context.visitor.automated is None
        (self._round_robin.commit if takes_turns else self._round_robin.rollback)()
        return self._plan(decision) if dry_run else self._decisions.keep(context, decision, self._plan)

    def landing(self, plan: DecisionPlan, request: ClickRequest, lid: str) -> Landing:
        """Return the URL to which a decision sends a click."""
        return self._landings.build(plan.route, request.subid, request.cid, lid)

    def refuse(self, refusal: Refusal, request: ClickRequest) -> Answer:
        """Count a refused click, keep it for staff, and return its answer."""
        purpose = request.clues.purpose
        if refusal.reason is Reason.FETCHED_AHEAD and purpose is not None:
            self.counters.automated(purpose.value)
        elif self.counters.refusal(refusal.reason.value):
            country, now_ms = self.visitor(request).geo.country, time.time_ns() // 1_000_000
            self.counters.keep(refused_click(refusal, request, country, now_ms))
        return self.answer_to(refusal.reason)

    def answer_to(self, reason: Reason) -> Answer:
        """Return the answer to a click that is refused for this reason."""
        if reason is Reason.FETCHED_AHEAD:
            return NOT_AHEAD
        return self._unavailable if reason in UNAVAILABLE else self._not_found

    def count_error(self) -> bool:
        """Count an error of ours. Returns whether to log it: the first one of each second."""
        return self.counters.error()

    @property
    def geo(self) -> GeoReader:
        """The GeoIP databases in which visitors are looked up."""
        return self.visitors.geo

    def visitor(self, request: ClickRequest) -> Visitor:
        """Return the visitor behind a request: address, place, device."""
        return self.visitors.read(request.clues).visitor

    def admit(self, target: AdTarget, records: RecordSource) -> tuple[Offer, Campaign] | Refusal:
        """Return the offer and campaign for the rules, or a refusal. Raises `CacheMiss`."""
        return admit(target, records, self.defaults)

    def _plan(self, decision: Decision) -> DecisionPlan:
        """Work out what all clicks with a decision have in common."""
        offer_id = decision.offer.offer_id if decision.offer else 0
        campaign = decision.campaign
        route = self._landings.route(decision.page, campaign.affiliate_id, campaign.campaign_id, offer_id)
        return DecisionPlan(decision, route, decision_part(decision))


def _set_result(answered: Future[Answer], answer: Answer) -> None:
    # The waiting task may have been cancelled; its click is written nevertheless.
    if not answered.done():
        answered.set_result(answer)
