"""Live caps of one instance, counted in its own Redis."""

import asyncio
import json

import pytest
import redis
from pytest_django import Settings

from offers.click_log.stream import LOG
from offers.handler import ClickHandler
from offers.live_caps.store import KEPT_SECONDS
from tests.offers.live_caps.workers import (
    CAPPED,
    campaign_blob,
    cap_info,
    capped_offer,
    click,
    clicks,
    exit_offer,
    go_live,
    update,
    workers,
)
from tests.offers.watching import until


@pytest.fixture(autouse=True)
def _is_on(settings: Settings, redis_url: str) -> None:
    settings.LIVE_CAPS, settings.REDIS_URL, settings.SHARED_REDIS_URL = True, redis_url, ""
    settings.CLICK_COMMIT_TIMEOUT_MS = 20_000


def logged_offers(client: redis.Redis) -> list[int]:
    entries: list[tuple[bytes, dict[bytes, bytes]]] = client.xrange(LOG)  # type: ignore[assignment]
    return [json.loads(kept[b"click"])["offerId"] for _, kept in entries]


def test_one_worker_never_goes_over_the_limit(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(10, current=7), exit_offer())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            await click(worker)
            return await clicks([worker], 50)

    assert asyncio.run(scenario()) == ["capped"] * 2 + ["exit"] * 48
    assert logged_offers(redis_client).count(CAPPED) == 3


def test_a_machine_takes_no_place_under_a_cap_and_goes_where_a_person_would(
    redis_client: redis.Redis,
) -> None:
    go_live(redis_client, capped_offer(2), exit_offer())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            agents = (
                b"Googlebot/2.1",
                b"Firefox",
                b"curl/8.5.0",
                b"",
                b"Firefox",
                b"Googlebot/2.1",
                b"Firefox",
            )
            return [await click(worker, user_agent=agent) for agent in agents]

    assert asyncio.run(scenario()) == ["capped"] * 5 + ["exit"] * 2


@pytest.mark.parametrize("count", [2, 5])
def test_workers_of_an_instance_never_go_over_the_limit_together(
    redis_client: redis.Redis, count: int
) -> None:
    go_live(redis_client, capped_offer(10), exit_offer())

    async def scenario() -> list[str]:
        async with workers(count) as all_of_them:
            found = await clicks(all_of_them, 200)
            assert sum(worker.clicks.counts.decided_again for worker in all_of_them) > 0
            return found

    found = asyncio.run(scenario())
    assert (found.count("capped"), found.count("exit")) == (10, 190)
    log = logged_offers(redis_client)
    assert (log.count(CAPPED), len(log)) == (10, 200)


def test_a_click_that_is_decided_again_keeps_its_unique_visit(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(1), exit_offer())

    async def scenario() -> None:
        async with workers(2) as both:
            await clicks(both, 2)
            assert sum(worker.clicks.counts.decided_again for worker in both) == 1

    asyncio.run(scenario())
    entries: list[tuple[bytes, dict[bytes, bytes]]] = redis_client.xrange(LOG)  # type: ignore[assignment]
    assert [kept[b"unique"] for _, kept in entries] == [b"1", b"1"]
    assert len({json.loads(kept[b"click"])["lid"] for _, kept in entries}) == 2


def test_a_worker_without_traffic_learns_at_its_first_click(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(3), exit_offer())

    async def scenario() -> list[str]:
        async with workers(2) as (busy, quiet):
            await clicks([busy], 5)
            return [await click(quiet), await click(quiet)]

    assert asyncio.run(scenario()) == ["exit", "exit"]


def test_what_the_recipe_has_already_counted_closes_without_a_click(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(10, current=10), exit_offer())

    async def scenario() -> str:
        async with workers() as (worker,):
            return await click(worker)

    assert asyncio.run(scenario()) == "exit"


def test_the_flag_of_the_file_stays_law(redis_client: redis.Redis) -> None:
    over = {"capsClicksUnderLimit": False, "capsClicksOverLimit": True}
    go_live(redis_client, capped_offer(10, **cap_info(10, **over)), exit_offer())

    async def scenario() -> str:
        async with workers() as (worker,):
            return await click(worker)

    assert asyncio.run(scenario()) == "exit"
    assert list(redis_client.scan_iter("caps:*")) == []


def test_a_new_record_begins_a_new_count(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(2), exit_offer())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            found = await clicks([worker], 3)
            update(redis_client, capped_offer(2, name="another"))
            await until(lambda: _is_named(worker, "another"))
            return found + await clicks([worker], 3)

    assert asyncio.run(scenario()) == ["capped", "capped", "exit"] * 2


def test_a_reload_of_the_same_record_goes_on_with_its_count(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(4), exit_offer())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            found, version = await clicks([worker], 3), worker.catalog.version
            # The same values in another order.
            same = json.dumps(dict(reversed(json.loads(capped_offer(4)).items()))).encode()
            go_live(redis_client, same, exit_offer())
            await until(lambda: _is_newer(worker, version))
            return found + await clicks([worker], 3)

    assert asyncio.run(scenario()) == ["capped"] * 4 + ["exit"] * 2


def test_a_closed_record_stays_closed_over_a_reload(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(1), exit_offer())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            found, version = await clicks([worker], 2), worker.catalog.version
            go_live(redis_client, capped_offer(1), exit_offer())
            await until(lambda: _is_newer(worker, version))
            return found + await clicks([worker], 2)

    assert asyncio.run(scenario()) == ["capped", "exit", "exit", "exit"]


def test_a_campaign_has_a_cap_of_its_own(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(100), exit_offer(), campaign=campaign_blob(**cap_info(3)))

    async def scenario() -> list[str]:
        async with workers(2) as both:
            return await clicks(both, 20)

    assert sorted(asyncio.run(scenario())) == ["capped"] * 3 + ["exit"] * 17
    (offer_count,) = (int(redis_client.hget(key, "clicks") or 0) for key in redis_client.scan_iter("caps:o*"))
    assert offer_count == 3


def test_an_exit_offer_that_is_over_its_live_cap_passes_the_click_on(redis_client: redis.Redis) -> None:
    last = json.dumps({**json.loads(exit_offer()), "offerId": 3, "landingPageUrl": "https://last.example/"})
    between = exit_offer(offerIdRedirectExitTraffic=3, **cap_info(2))
    go_live(redis_client, capped_offer(1), between, last.encode())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            return [await click(worker) for _ in range(5)]

    assert asyncio.run(scenario()) == ["capped", "exit", "exit", "last", "last"]


def test_a_candidate_that_is_over_its_live_cap_gets_no_turn(redis_client: redis.Redis) -> None:
    rows = [{"aggregatedOfferId": 1}, {"aggregatedOfferId": 2}]
    parent = json.dumps({"offerId": 5, "status": "public", "type": "aggregated", "offersAggregatedIds": rows})
    go_live(redis_client, capped_offer(2), exit_offer(), parent.encode())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            return [await click(worker, 5) for _ in range(7)]

    assert asyncio.run(scenario()).count("capped") == 2


def test_a_count_is_kept_for_longer_than_a_month_and_knows_since_when(redis_client: redis.Redis) -> None:
    go_live(redis_client, capped_offer(10), exit_offer())

    async def scenario() -> None:
        async with workers() as (worker,):
            await clicks([worker], 3)

    asyncio.run(scenario())
    (key,) = redis_client.scan_iter("caps:*")
    assert KEPT_SECONDS - 60 < redis_client.ttl(key) <= KEPT_SECONDS
    assert redis_client.hget(key, "clicks") == b"3"
    assert abs(int(redis_client.hget(key, "since_s") or 0) - redis_client.time()[0]) < 600


def test_without_live_caps_nothing_is_counted(redis_client: redis.Redis, settings: Settings) -> None:
    settings.LIVE_CAPS = False
    go_live(redis_client, capped_offer(2), exit_offer())

    async def scenario() -> list[str]:
        async with workers() as (worker,):
            return await clicks([worker], 5)

    assert asyncio.run(scenario()) == ["capped"] * 5
    assert list(redis_client.scan_iter("caps:*")) == []


async def _is_named(worker: ClickHandler, name: str) -> bool:
    offer = await worker.catalog.offer(CAPPED)
    return bool(offer and offer.name == name)


async def _is_newer(worker: ClickHandler, version: int) -> bool:
    return worker.catalog.version > version
