"""System checks of the Redis that instances share, over a connection like a web worker's."""

import asyncio

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from cotraffic.checks.instance import REDIS_TIMEOUT_SECONDS
from lib.shared_redis import AWAY, BadSharedUrl, open_shared, words

FORMS = (
    "Write redis://:PASSWORD@HOST:6379/0, redis+cluster://:PASSWORD@NODE:6379 or "
    "redis+sentinel://:PASSWORD@HOST:26379,HOST:26379/SERVICE/0 (rediss for TLS; in a password "
    "/ @ : ? are %2F %40 %3A %3F), or leave it empty."
)


@register("cotraffic")
def check_shared_redis(**_: object) -> list[CheckMessage]:
    """E043 for a SHARED_REDIS_URL that cannot be read, W044 if nothing answers there.

    That is only a warning, because clicks are answered without it.
    """
    if not settings.SHARED_REDIS_URL:
        return []
    try:
        asyncio.run(_ask(settings.SHARED_REDIS_URL))
    except BadSharedUrl as error:
        return [Error(f"{error}.", hint=FORMS, id="cotraffic.E043")]
    except AWAY as error:
        hint = (
            "Start what SHARED_REDIS_URL names (of sentinels: they, their master and the service by that "
            "name), or correct it. Until then every visitor counts as unique, and is marked as assumed to be."
        )
        message = f"The shared Redis does not answer: {words(error)}"
        return [Warning(message, hint=hint, id="cotraffic.W044")]
    return []


async def _ask(url: str) -> None:
    redis = open_shared(url, REDIS_TIMEOUT_SECONDS)
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
            await redis.ping()
    finally:
        await redis.aclose()
