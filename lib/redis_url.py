"""Reads the URL of a Redis: which options it may have, and the connection that they describe.

redis-py reads a URL leniently: it ignores a database that is not a number, an option without a value and
everything behind a `#`, and finds an unknown option only when it connects. Such a URL is refused here.
"""

import os
import re
from collections.abc import Callable
from ssl import TLSVersion
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from redis.asyncio.connection import (
    Connection,
    ConnectKwargs,
    RedisSSLContext,
    SSLConnection,
    parse_url,
)
from redis.exceptions import RedisError

# A command with this in `requires_system_checks` ends with words where REDIS_URL cannot be read.
REDIS_URL_TAG = "redis_url"
SCHEMES = ("redis", "rediss", "unix")
TLS_SCHEME = "rediss"
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_ca_path")
TLS_OPTIONS = frozenset(
    (
        *TLS_FILES,
        "ssl_ca_data",
        "ssl_cert_reqs",
        "ssl_check_hostname",
        "ssl_ciphers",
        "ssl_exclude_verify_flags",
        "ssl_include_verify_flags",
        "ssl_min_version",
        "ssl_password",
    )
)
OPTIONS = frozenset(
    (
        "client_name",
        "db",
        "health_check_interval",
        "max_connections",
        "password",
        "retry_on_timeout",
        "socket_connect_timeout",
        "socket_keepalive",
        "socket_timeout",
        "username",
    )
)
BOOLEAN_OPTIONS = ("ssl_check_hostname", "socket_keepalive", "retry_on_timeout")
BOOLEAN_WORDS = ("0", "1", "f", "t", "false", "true", "n", "y", "no", "yes")
CERT_REQS = ("none", "optional", "required")
DATABASE = re.compile(r"/?[0-9]*/?")


class RedisOptions(ConnectKwargs, total=False):
    """The arguments of a connection of redis-py. Those that only redis-py itself reads are not listed."""

    client_name: str
    max_connections: int
    sentinel_username: str
    sentinel_password: str
    socket_connect_timeout: float
    ssl: bool
    ssl_ca_data: str
    ssl_ciphers: str
    ssl_min_version: TLSVersion


class BadRedisUrl(ValueError):
    """The URL names no Redis. The message is to follow the variable's name, and has no part of the URL."""


def read_url(url: str, more: frozenset[str] = frozenset()) -> RedisOptions:
    """Return the arguments of redis-py's connections in a URL; `connection_class` is their class.

    `more` are further options that it may have. Files that it names are not opened. Raises `BadRedisUrl`.
    """
    try:
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _check_parts(parts.scheme, parts.path, parts.fragment)
        _check_options(parts.scheme, given, more)
        # Its type has only the parts of the URL, not the options behind the `?`.
        options: RedisOptions = {**parse_url(url)}  # type: ignore[typeddict-item]
    except BadRedisUrl:
        raise
    except ValueError:
        raise BadRedisUrl("has a port, an option or a value that cannot be read") from None
    options.setdefault("connection_class", Connection)
    _check_tls(options)
    return options


def open_connection(url: str) -> Any:
    """Return redis-py's connection for the URL, not opened yet. Raises `BadRedisUrl`."""
    options = read_url(url)
    options.pop("max_connections", None)
    connect: Callable[..., object] = options.pop("connection_class")
    return connect(**options)


def unreadable_file(options: RedisOptions) -> str:
    """Return the file named by `read_url`'s options that cannot be read, "" if there is none."""
    for name, value in options.items():
        if name in TLS_FILES and not os.access(str(value), os.R_OK):
            return f"names a file for {name} that cannot be read: {value}"
    return ""


def _check_parts(scheme: str, path: str, fragment: str) -> None:
    if scheme not in SCHEMES:
        raise BadRedisUrl(f"has a scheme that is none of {', '.join(SCHEMES)}")
    if fragment:
        raise BadRedisUrl("has a # in it, which in a password is %23")
    if scheme != "unix" and not DATABASE.fullmatch(path):
        raise BadRedisUrl("has a database that is no number; in a password / is %2F and ? is %3F")


def _check_options(scheme: str, given: list[tuple[str, str]], more: frozenset[str]) -> None:
    known = OPTIONS | TLS_OPTIONS | more
    names = [name for name, _ in given]
    if not known.issuperset(names):
        # The option's name is not shown: it may be part of a password.
        raise BadRedisUrl(f"has an option that is unknown; known are {', '.join(sorted(known))}")
    if len(set(names)) < len(names):
        raise BadRedisUrl("has an option twice")
    if scheme != TLS_SCHEME and TLS_OPTIONS.intersection(names):
        raise BadRedisUrl("has options of TLS (ssl_…) and a scheme without it; write rediss")
    for name, value in given:
        if not value:
            raise BadRedisUrl(f"has no value for {name}")
        if name in BOOLEAN_OPTIONS and value.lower() not in BOOLEAN_WORDS:
            raise BadRedisUrl(f"has a value for {name} that is neither true nor false")
        if name == "ssl_cert_reqs" and value not in CERT_REQS:
            raise BadRedisUrl(f"has a value for {name} that is none of {', '.join(CERT_REQS)}")
        if name == "db" and not value.isdecimal():
            raise BadRedisUrl("has a db that is no number")


def _check_tls(options: RedisOptions) -> None:
    """Raise `BadRedisUrl` for ciphers and versions that this machine's OpenSSL does not know."""
    if options["connection_class"] is not SSLConnection:
        return
    try:
        RedisSSLContext(
            min_version=options.get("ssl_min_version"),
            ciphers=options.get("ssl_ciphers"),
            ca_data=options.get("ssl_ca_data"),
        ).get()
    except (OSError, ValueError, RedisError):
        raise BadRedisUrl(
            "has an ssl_min_version, ssl_ciphers or ssl_ca_data that OpenSSL cannot use"
        ) from None
