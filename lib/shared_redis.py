"""The Redis that instances share: a single one, a cluster, or the master that sentinels name."""

import re
from typing import cast
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException, RedisError

from lib.redis_url import BadRedisUrl, read_url

CLUSTER, SENTINEL = "+cluster://", "+sentinel://"
SENTINEL_PORT = 26379
NOT_FOR_CLUSTERS = frozenset(("ssl_ca_path", "ssl_password"))
SENTINEL_OPTIONS = frozenset(("sentinel_username", "sentinel_password"))
SENTINEL_URL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?P<login>[^@/?]*@)?(?P<hosts>[^@/?]+)"
    r"/(?P<service>[^/?]+)(/(?P<db>[0-9]*))?(?P<options>\?.*)?"
)
AWAY = (RedisError, RedisClusterException, OSError, TimeoutError)
# A connection that was kept may be a dead one, which only its use shows.
AGAIN = Retry(NoBackoff(), 1, (RedisConnectionError,))


class BadSharedUrl(ValueError):
    """SHARED_REDIS_URL names no Redis; the message says why, and has no password in it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"SHARED_REDIS_URL {why}")


class _Master(Redis):
    """The master that sentinels name; with it the connections to them are closed."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        if isinstance(self.connection_pool, SentinelConnectionPool):
            await self.connection_pool.sentinel_manager.aclose()


def open_shared(url: str, within_seconds: float) -> "Redis | RedisCluster":
    """A client of the Redis at the URL; nothing is sent before the first command.

    Who uses it gives up after `within_seconds`: a sentinel that hangs gets a part of them, so that the next
    one is still asked. Raises `BadSharedUrl`.
    """
    try:
        if CLUSTER in url:
            node = url.replace(CLUSTER, "://", 1)
            if NOT_FOR_CLUSTERS.intersection(read_url(node)):
                raise BadSharedUrl("has ssl_ca_path or ssl_password, which no cluster's client knows")
            return RedisCluster.from_url(node, retry=AGAIN)
        if SENTINEL not in url:
            read_url(url)
        redis = _open_master(url, within_seconds) if SENTINEL in url else Redis.from_url(url, retry=AGAIN)
        # An option that redis-py does not know would only be noticed by the first connection.
        redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except BadSharedUrl:
        raise
    except BadRedisUrl as error:
        raise BadSharedUrl(str(error)) from None
    except (TypeError, ValueError):
        # What they say may have a part of the password in it.
        raise BadSharedUrl("has a scheme, a port or an option that is unknown or cannot be read") from None
    return redis


def words(problem: BaseException) -> str:
    """What to tell of a Redis that is away."""
    # Behind the colon redis-py spells out every setting of every sentinel that it asked in vain.
    said, in_vain, _ = str(problem).partition(" : <")
    return f"{said}; a sentinel did not answer" if in_vain else said or "no answer"


def _open_master(url: str, within_seconds: float) -> Redis:
    parts = SENTINEL_URL.fullmatch(url)
    if parts is None:
        raise BadSharedUrl("does not name the sentinels, the service that they watch and nothing else")
    sentinels = [_address(host) for host in parts["hosts"].split(",")]
    # All that is not the sentinels' redis-py reads, as it does in the URL of a single one.
    options = read_url(
        f"{parts['scheme']}://{parts['login'] or ''}/{parts['db'] or 0}{parts['options'] or ''}",
        SENTINEL_OPTIONS,
    )
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    tls["ssl"] = options["ssl"] = options.pop("connection_class", None) is SSLConnection
    share = within_seconds / (len(sentinels) + 1)
    context = Sentinel(  # type: ignore[no-untyped-call]
        sentinels,
        sentinel_kwargs={
            "username": options.pop("sentinel_username", None),
            "password": options.pop("sentinel_password", None),
            "socket_connect_timeout": share,
            "socket_timeout": share,
            "retry": AGAIN,
            **tls,
        },
    )
    return cast(Redis, context.master_for(parts["service"], redis_class=_Master, retry=AGAIN, **options))


def _address(host: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port or SENTINEL_PORT
    except ValueError:
        name, port = None, 0
    if not name:
        raise BadSharedUrl("has a sentinel that is not HOST or HOST:PORT")
    return name, port
