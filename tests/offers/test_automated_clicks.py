"""Automated clicks: answered and written, and no trace of them in what counts."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from offers.admission import Reason, Refusal
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.click_log.record import Click, fields, record
from offers.click_log.stream import CONVERSIONS, LOG
from offers.handler import ClickHandler
from offers.links.tokens import encrypt
from offers.request import ClickRequest, read_click
from offers.visitors.automated import AutomatedReason
from recipes.records.records import Campaign, Offer
from tests.environment import ENCRYPTION_KEY
from tests.offers.builders import campaign, offer
from tests.offers.visitors.machines import BOTS, PREVIEWS, PROGRAMS
from tests.offers.visitors.user_agents import IPHONE, WINDOWS
from tests.offers.writing import writing, written

AGGREGATED, SHARES, PAID = 1, (2, 3), 4
PURPOSES = {
    (b"sec-purpose", b"prefetch"): AutomatedReason.PREFETCH,
    (b"sec-purpose", b"prefetch;prerender"): AutomatedReason.PRERENDER,
    (b"sec-purpose", b"prefetch;anonymous-client-ip"): AutomatedReason.PREFETCH,
    (b"purpose", b"Prefetch"): AutomatedReason.PREFETCH,
    (b"x-moz", b"prefetch"): AutomatedReason.PREFETCH,
    (b"x-purpose", b"PRERENDER"): AutomatedReason.PRERENDER,
}
NO_PURPOSES = (b"", b"prefetched", b"no-prefetch", b"navigate", b"pre fetch", b"\xff", b"x" * 5000)


class Records:
    """An aggregated offer with two candidates, an offer paid for each click, and a campaign."""

    def __init__(self) -> None:
        rows = [{"aggregatedOfferId": share} for share in SHARES]
        self._offers = {share: offer(share) for share in SHARES}
        self._offers[AGGREGATED] = offer(AGGREGATED, type="aggregated", offersAggregatedIds=rows)
        self._offers[PAID] = offer(PAID, conversionType="cpm")
        self._campaign = campaign(1)

    def offer(self, offer_id: int) -> Offer | None:
        return self._offers.get(offer_id)

    def campaign(self, campaign_id: int) -> Campaign | None:
        return self._campaign if campaign_id == 1 else None


RECORDS = Records()


def new_handler() -> ClickHandler:
    return build_handler(open_redis(), build_click_writer())


def request(
    user_agent: str = WINDOWS, *headers: tuple[bytes, bytes], offer_id: int = AGGREGATED
) -> ClickRequest:
    query = b"ad=" + encrypt(offer_id, 1, ENCRYPTION_KEY).encode()
    return read_click(query, ((b"user-agent", user_agent.encode()), *headers), "192.0.2.1")


def resolved(handler: ClickHandler, the_request: ClickRequest) -> Click:
    found = handler.resolve(the_request, RECORDS)
    assert isinstance(found, Click)
    return found


def written_of(click: Click) -> dict[str, Any]:
    return fields(record(click))


@pytest.mark.parametrize(
    ("user_agent", "reason"),
    [(BOTS[1], "bot"), (PREVIEWS[0], "preview"), (PROGRAMS[0], "program"), ("", "no user agent")],
)
def test_the_record_says_that_and_why_a_click_is_automated(user_agent: str, reason: str) -> None:
    kept = written_of(resolved(new_handler(), request(user_agent)))
    assert (kept["isAutomated"], kept["automatedReason"]) == (True, reason)


def test_the_record_of_a_person_says_nothing_of_it() -> None:
    assert {"isAutomated", "automatedReason"}.isdisjoint(written_of(resolved(new_handler(), request())))


@pytest.mark.parametrize(("header", "reason"), PURPOSES.items())
def test_what_a_browser_fetches_ahead_is_no_click(
    header: tuple[bytes, bytes], reason: AutomatedReason
) -> None:
    handler = new_handler()
    found = handler.resolve(request(WINDOWS, header), RECORDS)
    assert found == Refusal(Reason.FETCHED_AHEAD, f"the browser asks for a {reason.value}")
    answer = handler.refuse(found, request(WINDOWS, header))
    assert (answer.status, dict(answer.headers)) == (
        503,
        {b"cache-control": b"no-store", b"content-length": b"0"},
    )


def test_it_is_no_click_whatever_the_link_is_so_it_tells_nothing_of_it() -> None:
    ahead = read_click(b"ad=zz", ((b"purpose", b"prefetch"),), "192.0.2.1")
    found = new_handler().resolve(ahead, RECORDS)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.FETCHED_AHEAD


@pytest.mark.parametrize("name", [b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"])
def test_a_preview_that_the_browser_shows_is_answered_and_automated(name: bytes) -> None:
    click = resolved(new_handler(), request(WINDOWS, (name, b"preview")))
    assert click.context.visitor.automated is AutomatedReason.PREVIEW


@pytest.mark.parametrize("value", NO_PURPOSES)
def test_other_purposes_are_a_persons(value: bytes) -> None:
    assert resolved(new_handler(), request(WINDOWS, (b"purpose", value))).context.visitor.automated is None


def test_of_several_purposes_the_one_that_is_no_click_counts() -> None:
    mixed = request(WINDOWS, (b"x-purpose", b"preview"), (b"sec-purpose", b"prefetch"))
    assert isinstance(new_handler().resolve(mixed, RECORDS), Refusal)


def test_an_automated_click_goes_where_the_next_person_will() -> None:
    handler = new_handler()
    takers = [
        resolved(handler, request(user_agent)).decision.offer
        for user_agent in (WINDOWS, BOTS[1], PREVIEWS[0], WINDOWS, PROGRAMS[0], WINDOWS)
    ]
    assert [taker.offer_id for taker in takers if taker] == [2, 3, 3, 3, 2, 2]


def test_a_person_and_a_machine_share_a_decision_but_not_what_is_said_of_them() -> None:
    handler = new_handler()
    person, machine = (resolved(handler, request(agent, offer_id=2)) for agent in (WINDOWS, BOTS[1]))
    assert person.decision is machine.decision
    assert "isAutomated" not in written_of(person)
    assert written_of(machine)["isAutomated"] is True


def test_where_all_clicks_count_none_is_automated(settings: Settings) -> None:
    settings.AUTOMATED_CLICKS = "count"
    handler = new_handler()
    ahead = resolved(handler, request(BOTS[1], (b"sec-purpose", b"prefetch")))
    assert ahead.context.visitor.automated is None
    assert "isAutomated" not in written_of(ahead)


PERSON = st.tuples(st.sampled_from([WINDOWS, IPHONE]), st.sampled_from([AGGREGATED, PAID]))
MACHINE = st.tuples(
    st.sampled_from([BOTS[1], PREVIEWS[0], PROGRAMS[0], ""]), st.sampled_from([AGGREGATED, PAID])
)


async def counted(
    clicks: Sequence[tuple[str, int]], url: str, spool: Path
) -> tuple[list[tuple[str, Any, str]], int]:
    """What counts of clicks: who takes each person's, and whether they are unique; conversion messages."""
    connection = redis.Redis.from_url(url)
    connection.flushall()
    handler = new_handler()
    async with writing(url, spool) as writer:
        # A writer that was never started closes nothing.
        await asyncio.sleep(0)
        for user_agent, offer_id in clicks:
            await written(writer, resolved(handler, request(user_agent, offer_id=offer_id)))
    entries: Any = connection.xrange(LOG)
    records = [(json.loads(kept[b"click"]), kept[b"unique"].decode()) for _, kept in entries]
    assert len(records) == len(clicks)
    assert {unique for kept, unique in records if "isAutomated" in kept} <= {"0"}
    of_people = [
        (kept["userAgent"], kept["offerId"], unique) for kept, unique in records if "isAutomated" not in kept
    ]
    waiting = int(connection.zcard(CONVERSIONS))
    connection.close()
    return of_people, waiting


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(PERSON, MACHINE), max_size=12))
def test_automated_clicks_leave_no_trace_in_turns_uniqueness_and_conversions(
    redis_url: str, tmp_path: Path, clicks: list[tuple[str, int]]
) -> None:
    people = [click for click in clicks if click[0] in (WINDOWS, IPHONE)]
    mixed = asyncio.run(counted(clicks, redis_url, tmp_path / "spool"))
    assert mixed == asyncio.run(counted(people, redis_url, tmp_path / "spool"))
