"""Connects to the Redis that instances share: a single one, a cluster, or a master named by sentinels."""

import re
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
# A pooled connection may be dead, which shows only when it is used: retry once.
AGAIN = Retry(NoBackoff(), 1, (RedisConnectionError,))


class BadSharedUrl(ValueError):
    """SHARED_REDIS_URL names no Redis; the message says why, and shows no password."""

    def __init__(self, why: str) -> None:
        super().__init__(f"SHARED_REDIS_URL {why}")


class _Master(Redis):
    """A client of the master that sentinels name; closing it closes the connections to them, too."""

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        if isinstance(self.connection_pool, SentinelConnectionPool):
            await self.connection_pool.sentinel_manager.aclose()


def open_shared(url: str, within_seconds: float) -> "Redis | RedisCluster":
    """Make a client of the Redis at the URL; it connects at the first command.

    `within_seconds` is the caller's total time, shared by all sentinels and the master, so that a sentinel
    that hangs leaves time for the next one. Raises `BadSharedUrl`.
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
        # redis-py notices an option that it does not know only when it makes a connection: make one now.
        redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except BadSharedUrl:
        raise
    except BadRedisUrl as error:
        raise BadSharedUrl(str(error)) from None
    except (TypeError, ValueError):
        # The errors' own messages may contain a part of the password.
        raise BadSharedUrl("has a scheme, a port or an option that is unknown or cannot be read") from None
    return redis


def words(problem: BaseException) -> str:
    """Describe a Redis that is away, without secrets."""
    # Behind the colon redis-py spells out all settings of every sentinel that did not answer.
    said, in_vain, _ = str(problem).partition(" : <")
    return f"{said}; a sentinel did not answer" if in_vain else said or "no answer"


def _open_master(url: str, within_seconds: float) -> Redis:
    parts = SENTINEL_URL.fullmatch(url)
    if parts is None:
        raise BadSharedUrl("does not name the sentinels, the service that they watch and nothing else")
    sentinels = [_address(host) for host in parts["hosts"].split(",")]
    # Everything that is not about the sentinels is read as in the URL of a single Redis.
    options = read_url(
        f"{parts['scheme']}://{parts['login'] or ''}/{parts['db'] or 0}{parts['options'] or ''}",
        SENTINEL_OPTIONS,
    )
    options["ssl"] = options.pop("connection_class", None) is SSLConnection
    tls = {name: value for name, value in options.items() if name.startswith("ssl")}
    share = within_seconds / (len(sentinels) + 1)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
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
    master: Redis = sentinel.master_for(parts["service"], redis_class=_Master, retry=AGAIN, **options)
    return master


def _address(host: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname, parts.port or SENTINEL_PORT
    except ValueError:
        name, port = None, 0
    if not name:
        raise BadSharedUrl("has a sentinel that is not HOST or HOST:PORT")
    return name, port
