"""System checks of this instance's Redis: whether clicks can be written there, and stay."""

import asyncio

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from redis import Redis
from redis.exceptions import RedisError

from cotraffic.checks.instance import REDIS_TIMEOUT_SECONDS, check_redis, check_redis_url
from lib.redis_url import read_url
from offers.click_log.connection import LogConnection

HINT = "Start Redis with deploy/redis.conf, or set `{name} {wanted}`, in its own configuration as well."
WANTED = {
    "appendonly": ("yes", "what it holds is gone when it ends: clicks that were answered, and the recipe"),
    "appendfsync": ("always", "a click that was answered may be lost when Redis or its machine dies"),
    "maxmemory-policy": ("noeviction", "a Redis that is full drops clicks and parts of the recipe"),
}
IDS = {"appendonly": "cotraffic.W040", "appendfsync": "cotraffic.W041", "maxmemory-policy": "cotraffic.W042"}


@register("cotraffic")
def check_clicks_can_be_written(**_: object) -> list[CheckMessage]:
    """E055 if a web worker could not write a click although Redis answers.

    Web workers write clicks over a connection of their own kind, so the check opens one of these.
    """
    if check_redis_url() or check_redis():
        # E065 and E005 of the other checks cover this.
        return []
    try:
        asyncio.run(LogConnection(settings.REDIS_URL).try_out())
    except (RedisError, OSError, TimeoutError) as error:
        hint = (
            "The user of REDIS_URL needs the commands of scripts (SCRIPT LOAD, EVALSHA), streams, sets and "
            "strings, and all keys: +@all ~* &* is the simple way. Clicks go to the spool until then."
        )
        message = f"Clicks cannot be written to Redis: {error or 'no answer'}"
        return [Error(message, hint=hint, id="cotraffic.E055")]
    return []


@register("cotraffic")
def check_redis_keeps_clicks(**_: object) -> list[CheckMessage]:
    """W040 without the append-only file, W041 if it is synced too late, W042 if Redis may evict keys.

    A Redis that does not show its configuration, as some managed ones do not, is not checked.
    """
    try:
        read_url(settings.REDIS_URL)
        with Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            decode_responses=True,
        ) as redis:
            found: dict[str, str] = {name: redis.config_get(name).get(name, "") for name in WANTED}
    except (RedisError, OSError, ValueError):
        return []
    if found["appendonly"] == "no":
        # Without the file, how often it is synced does not matter.
        found["appendfsync"] = ""
    return [
        Warning(
            f"Redis has {name} {found[name]}: {so}.", hint=HINT.format(name=name, wanted=wanted), id=IDS[name]
        )
        for name, (wanted, so) in WANTED.items()
        if found[name] not in ("", wanted)
    ]
