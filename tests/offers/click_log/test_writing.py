"""Writing clicks down: when `write` is done a click is in the log, and its conversion with it."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis

from offers.click_log.stream import CONVERSIONS
from tests.offers.builders import NOW_MS, offer
from tests.offers.writing import logged, some_click, writing, written


def test_a_click_is_in_the_log_when_it_may_be_answered(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            await written(writer, some_click("first"))
            assert logged(redis_client) == {"first": "1"}

    asyncio.run(scenario())


def test_clicks_that_arrive_together_share_a_batch(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            clicks = [some_click(f"{number:08}") for number in range(2500)]
            await asyncio.gather(*(written(writer, click) for click in clicks))
            assert (writer.counts.batches, writer.counts.logged) == (3, 2500)
        assert list(logged(redis_client)) == [click.lid for click in clicks]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("fields", "sends"),
    [
        ({"conversionType": "cpm"}, True),
        ({"conversionType": "hybrid/multistep", "isCpmOptionEnabled": "1"}, True),
        ({"conversionType": "hybrid/multistep", "isCpmOptionEnabled": "0"}, False),
        ({"conversionType": "cpa", "isCpmOptionEnabled": "1"}, False),
        ({}, False),
    ],
)
def test_a_click_that_is_a_conversion_leaves_a_message_due_in_30_seconds(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path, fields: dict[str, str], sends: bool
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path) as writer:
            await written(writer, some_click(an_offer=offer(advertiserId=5, **fields)))

    asyncio.run(scenario())
    due: Any = redis_client.zrange(CONVERSIONS, 0, -1, withscores=True)
    assert [score for _, score in due] == ([NOW_MS + 30_000] if sends else [])
    for message, _ in due:
        told = msgspec.json.decode(message)
        body = msgspec.json.decode(told["body"])
        assert (told["id"], told["action"], told["conversion_type"]) == (
            1,
            "update",
            fields["conversionType"],
        )
        assert (body["lid"], body["advertiser"], body["payin"]) == ("the-lid", 5, 4)


def test_where_nobody_sends_conversion_messages_none_pile_up(
    redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with writing(redis_url, tmp_path, queue_conversions=False) as writer:
            await written(writer, some_click(an_offer=offer(conversionType="cpm")))

    asyncio.run(scenario())
    assert logged(redis_client) == {"the-lid": "1"}
    assert not redis_client.exists(CONVERSIONS)
