"""System checks of this instance's Redis: whether it keeps what it has acknowledged."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register
from redis import Redis
from redis.exceptions import RedisError

from cotraffic.checks import REDIS_TIMEOUT_SECONDS

HINT = "Start Redis with deploy/redis.conf, or set `{name} {wanted}`, in its own configuration as well."
WANTED = {
    "appendonly": ("yes", "what it holds is gone when it ends: clicks that were answered, and the recipe"),
    "appendfsync": ("always", "a click that was answered may be lost when Redis or its machine dies"),
    "maxmemory-policy": ("noeviction", "a Redis that is full drops clicks and parts of the recipe"),
}
IDS = {"appendonly": "cotraffic.W040", "appendfsync": "cotraffic.W041", "maxmemory-policy": "cotraffic.W042"}


@register("cotraffic")
def check_redis_keeps_clicks(**_: Any) -> list[CheckMessage]:
    """W040 without the append-only file, W041 where it is synced too late, W042 where Redis may evict.

    Nothing is said of a Redis that does not tell how it is set, as a managed one may not.
    """
    try:
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
        # Nothing is synced then.
        found["appendfsync"] = ""
    return [
        Warning(
            f"Redis has {name} {found[name]}: {so}.", hint=HINT.format(name=name, wanted=wanted), id=IDS[name]
        )
        for name, (wanted, so) in WANTED.items()
        if found[name] not in ("", wanted)
    ]
