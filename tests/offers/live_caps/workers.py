"""Workers that count live, each with its own handler, writer and connections, as web workers have them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import redis

from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.handler import ClickHandler
from offers.links.tokens import encrypt
from offers.request import read_click
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests.environment import ENCRYPTION_KEY
from tests.offers.watching import is_version, until
from tests.recipe import change_record, make_live, offer_blob

CAPPED, EXIT, CAMPAIGN = 1, 2, 1


def cap_info(limit: int, current: int = 0, **changes: Any) -> dict[str, Any]:
    """The fields of a record under a daily limit of clicks."""
    clicks = {"day": {"current": current, "limit": limit}, "week": {"current": 0, "limit": None}}
    info = {"clicks": clicks, "capsClicksUnderLimit": True, "capsClicksOverLimit": False}
    return {"capSetup": True, "capInfo": info | changes}


def capped_offer(limit: int, current: int = 0, **fields: Any) -> bytes:
    """An offer with a daily limit, whose clicks go to offer 2 beyond it."""
    page = "https://capped.example/"
    fields = {"landingPageUrl": page, "offerIdRedirectExitTraffic": EXIT, **fields}
    return offer_blob(CAPPED, **{**cap_info(limit, current), **fields})


def exit_offer(**fields: Any) -> bytes:
    """The offer that takes what the capped one may not have."""
    return offer_blob(EXIT, **{"landingPageUrl": "https://exit.example/", **fields})


def campaign_blob(**fields: Any) -> bytes:
    """The campaign of all clicks."""
    campaign = {"campaignId": CAMPAIGN, "offerId": CAPPED, "affiliateId": 7, "campaignStatus": "active"}
    return json.dumps(campaign | fields).encode()


def go_live(client: redis.Redis, *offers: bytes, campaign: bytes = b"") -> None:
    """Make these offers and one campaign what is live."""
    store = RecipeStore(client)
    make_live(store, RecipeKind.OFFERS, {json.loads(blob)["offerId"]: blob for blob in offers})
    make_live(store, RecipeKind.CAMPAIGNS, {CAMPAIGN: campaign or campaign_blob()})


def update(client: redis.Redis, blob: bytes) -> None:
    """Change one offer, as an update does."""
    change_record(RecipeStore(client), RecipeKind.OFFERS, json.loads(blob)["offerId"], blob)


@asynccontextmanager
async def workers(count: int = 1) -> AsyncIterator[list[ClickHandler]]:
    """Some workers of one instance, by the settings."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_worker()) for _ in range(count)]


@asynccontextmanager
async def _worker() -> AsyncIterator[ClickHandler]:
    redis_client, writer = open_redis(), build_click_writer()
    handler = build_handler(redis_client, writer)
    await writer.connection.open()
    running = [asyncio.create_task(writer.run()), asyncio.create_task(handler.catalog.watch())]
    try:
        await until(lambda: is_version(handler.catalog))
        yield handler
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        for task in running:
            # What ended by an error of its own has to fail the test.
            with suppress(asyncio.CancelledError):
                task.result()
        await redis_client.aclose()
        if writer.shared is not None:
            await writer.shared.redis.aclose()


async def click(
    handler: ClickHandler, offer_id: int = CAPPED, who: str = "192.0.2.1", user_agent: bytes = b"Firefox"
) -> str:
    """Click once; returns the first name of the page's host, "" where the click is refused."""
    query = b"ad=" + encrypt(offer_id, CAMPAIGN, ENCRYPTION_KEY).encode()
    location = (await handler(read_click(query, ((b"user-agent", user_agent),), who))).location or ""
    return location.removeprefix("https://").partition(".")[0]


async def clicks(handlers: list[ClickHandler], count: int) -> list[str]:
    """Click so often, as if all at once, on one worker after the other."""
    every = (click(handlers[at % len(handlers)], who=f"192.0.{at // 250}.{at % 250}") for at in range(count))
    return list(await asyncio.gather(*every))
