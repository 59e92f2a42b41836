"""Translates a Redis URL into Celery's settings for its broker.

Celery reads a URL by its own rules: it takes a number for text, does not know `unix://`, and trusts every
certificate if a `rediss://` URL has no option for that. So it gets what redis-py reads in the URL instead.
"""

from urllib.parse import quote

from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection

from lib.redis_url import SCHEMES, TLS_OPTIONS, RedisOptions, read_url

# Connection options that have the same name in Celery.
TRANSPORT_OPTIONS = (
    "client_name",
    "health_check_interval",
    "max_connections",
    "retry_on_timeout",
    "socket_connect_timeout",
    "socket_keepalive",
    "socket_timeout",
)


def is_redis(url: str) -> bool:
    """Return whether the broker is a single Redis, and not another kind that Celery knows."""
    return url.partition("://")[0] in SCHEMES


def broker_settings(url: str, **transport_options: object) -> dict[str, object]:
    """Return Celery's settings for the broker at a URL. Raises `BadRedisUrl` for a Redis URL that is none."""
    if not is_redis(url):
        return {"broker_url": url, "broker_transport_options": transport_options}
    options = read_url(url)
    transport_options |= {name: value for name, value in options.items() if name in TRANSPORT_OPTIONS}
    found: dict[str, object] = {
        "broker_url": _celery_url(options),
        "broker_transport_options": transport_options,
    }
    if options["connection_class"] is SSLConnection:
        tls = {name: value for name, value in options.items() if name in TLS_OPTIONS}
        found["broker_use_ssl"] = {"ssl_cert_reqs": "required", **tls}
    return found


def _celery_url(options: RedisOptions) -> str:
    names = (options.get("username"), options.get("password"))
    login = ":".join(quote(name or "", safe="") for name in names)
    at, db = f"{login}@" if login != ":" else "", options.get("db", 0)
    if options["connection_class"] is UnixDomainSocketConnection:
        return f"redis+socket://{at}{quote(options['path'])}?virtual_host={db}"
    scheme = "rediss" if options["connection_class"] is SSLConnection else "redis"
    host = options.get("host", "localhost")
    return f"{scheme}://{at}{f'[{host}]' if ':' in host else quote(host)}:{options.get('port', 6379)}/{db}"
