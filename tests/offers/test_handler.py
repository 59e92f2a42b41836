"""What a click handler does step by step; what comes of whole clicks is shown over HTTP."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from offers.admission import Reason, Refusal
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.catalog.record_cache import CacheMiss
from offers.click_log.commit import Fate
from offers.click_log.record import Click
from offers.click_log.writer import ClickWriter
from offers.handler import ClickHandler
from offers.links.tokens import encrypt
from offers.refusal_timing import BEAT_SECONDS
from offers.request import ClickRequest, read_click
from offers.response import Answer
from offers.routing.decision import Step
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer
from tests.environment import ENCRYPTION_KEY
from tests.offers.builders import campaign, offer

AGGREGATED, SHARES = 1, (2, 3)
PROBLEM = "the disk is full"


class Records:
    """An aggregated offer, its candidates, and a campaign; offers that are `missed` have to be loaded."""

    def __init__(self, *missed: int) -> None:
        self.missed = missed
        rows = [{"aggregatedOfferId": share} for share in SHARES]
        self._offers = {share: offer(share) for share in SHARES}
        self._offers[AGGREGATED] = offer(AGGREGATED, type="aggregated", offersAggregatedIds=rows)
        self._campaign = campaign(1)

    def offer(self, offer_id: int) -> Offer | None:
        if offer_id in self.missed:
            raise CacheMiss((RecipeKind.OFFERS, offer_id))
        return self._offers.get(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        return self._campaign if campaign_id == 1 else None


class HeldClicks(ClickWriter):
    """A writer that holds every click until it is told whether that may be answered."""

    def __init__(self) -> None:
        self.held: list[Callable[[Fate], object]] = []

    @property
    def problem(self) -> str:
        return PROBLEM

    def write(self, click: Click, then: Callable[[Fate], object]) -> None:  # noqa: ARG002 - the writer's own
        self.held.append(then)


@pytest.fixture
def handler() -> ClickHandler:
    handler = build_handler(open_redis(), build_click_writer())
    handler.clicks = HeldClicks()
    return handler


def request(offer_id: int = AGGREGATED, *, head: bool = False) -> ClickRequest:
    query = b"ad=" + encrypt(offer_id, 1, ENCRYPTION_KEY).encode()
    return read_click(query, ((b"user-agent", b"Firefox"),), "192.0.2.1", head)


def taker(found: Click | Refusal) -> int:
    assert isinstance(found, Click)
    assert found.decision.offer
    return found.decision.offer.offer_id


def test_candidates_take_turns(handler: ClickHandler) -> None:
    assert [taker(handler.resolve(request(), Records())) for _ in range(4)] == [2, 3, 2, 3]


def test_in_a_dry_run_no_candidate_loses_its_turn(handler: ClickHandler) -> None:
    assert [taker(handler.resolve(request(), Records(), dry_run=True)) for _ in range(3)] == [2, 2, 2]


def test_a_head_takes_no_turn(handler: ClickHandler) -> None:
    found = [handler.resolve(request(head=at % 2 == 0), Records()) for at in range(6)]
    assert [taker(one) for one in found] == [2, 2, 3, 3, 2, 2]


def test_a_trace_alone_makes_no_dry_run(handler: ClickHandler) -> None:
    trace: list[Step] = []
    assert [taker(handler.resolve(request(), Records(), trace=trace)) for _ in range(2)] == [2, 3]


def test_a_dry_run_remembers_no_decision(handler: ClickHandler) -> None:
    records = Records()
    dry, first, second = (
        handler.resolve(request(2), records, dry_run=dry_run) for dry_run in (True, False, False)
    )
    assert isinstance(dry, Click)
    assert isinstance(first, Click)
    assert isinstance(second, Click)
    assert first.decision is second.decision
    assert first.decision is not dry.decision


def test_a_trace_tells_the_steps_of_a_decision_that_is_remembered(handler: ClickHandler) -> None:
    records, trace = Records(), list[Step]()
    handler.resolve(request(2), records)
    handler.resolve(request(2), records, trace=trace)
    assert trace[-1].decided


def test_a_trace_has_no_steps_of_an_attempt_that_missed_a_record(handler: ClickHandler) -> None:
    once, trace = list[Step](), list[Step]()
    handler.resolve(request(), Records(), dry_run=True, trace=once)
    with pytest.raises(CacheMiss):
        handler.resolve(request(), Records(*SHARES), dry_run=True, trace=trace)
    handler.resolve(request(), Records(), dry_run=True, trace=trace)
    assert trace == once


def test_a_click_that_misses_a_record_takes_no_turn(handler: ClickHandler) -> None:
    with pytest.raises(CacheMiss):
        handler.resolve(request(), Records(SHARES[1]))
    assert taker(handler.resolve(request(), Records())) == 2


class Finished:
    """What `finish` did of one request until now."""

    def __init__(self, handler: ClickHandler, the_request: ClickRequest, found: Click | Refusal) -> None:
        assert isinstance(handler.clicks, HeldClicks)
        self.answers: list[Answer] = []
        self.held = handler.clicks.held
        handler.finish(found, the_request, time.perf_counter(), self.answers.append)

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]


def test_a_click_is_answered_and_counted_once_it_is_written(handler: ClickHandler) -> None:
    finished = Finished(handler, request(), handler.resolve(request(), Records()))
    assert (finished.statuses, handler.counters.clicks) == ([], 0)
    finished.held[0](Fate.ANSWER)
    assert (finished.statuses, handler.counters.clicks) == ([302], 1)
    assert (finished.answers[0].location or "").startswith("https://2.example/")


def test_a_click_that_may_not_be_answered_is_refused_and_not_counted(handler: ClickHandler) -> None:
    finished = Finished(handler, request(), handler.resolve(request(), Records()))
    finished.held[0](Fate.REFUSE)
    assert (finished.statuses, handler.counters.clicks) == ([503], 0)


def test_head_is_answered_without_a_click(handler: ClickHandler) -> None:
    finished = Finished(handler, request(head=True), handler.resolve(request(), Records()))
    assert (finished.statuses, finished.held, handler.counters.clicks) == ([302], [], 0)


def test_a_refusal_waits_for_its_time(handler: ClickHandler) -> None:
    async def refused() -> tuple[list[int], list[int]]:
        finished = Finished(handler, request(), Refusal(Reason.BAD_TOKEN, ""))
        at_once = finished.statuses
        while not finished.answers:
            await asyncio.sleep(BEAT_SECONDS)
        return at_once, finished.statuses

    assert asyncio.run(refused()) == ([], [404])


def test_a_refused_head_is_answered_in_its_time_and_not_counted(handler: ClickHandler) -> None:
    async def refused() -> list[int]:
        finished = Finished(handler, request(head=True), Refusal(Reason.BAD_TOKEN, ""))
        while not finished.answers:
            await asyncio.sleep(BEAT_SECONDS)
        return finished.statuses

    assert asyncio.run(refused()) == [404]
    assert handler.counters._counted().refused == {}


def test_from_memory_nothing_is_done_where_a_record_is_missing(handler: ClickHandler) -> None:
    answers: list[Answer] = []
    assert not handler.answer_from_memory(request(), time.perf_counter(), answers.append)
    assert isinstance(handler.clicks, HeldClicks)
    assert (answers, handler.clicks.held) == ([], [])


def test_a_click_whose_caller_has_gone_is_written_and_counted(
    handler: ClickHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = handler.clicks
    assert isinstance(held, HeldClicks)

    async def at_hand(the_request: ClickRequest) -> Click | Refusal:
        return handler.resolve(the_request, Records())

    async def go() -> None:
        call = asyncio.ensure_future(handler(request()))
        while not held.held:
            await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call
        held.held[0](Fate.ANSWER)

    monkeypatch.setattr(handler, "load_and_resolve", at_hand)
    asyncio.run(go())
    assert handler.counters.clicks == 1
