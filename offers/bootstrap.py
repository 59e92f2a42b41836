"""Builds a `ClickHandler` from the settings; opens files and connections, so it is called at start-up."""

from functools import partial
from pathlib import Path

import msgspec
from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from lib.redis_url import BadRedisUrl, read_url
from lib.shared_redis import open_shared
from offers.catalog.catalog import Catalog
from offers.click_log.connection import LogConnection
from offers.click_log.uniqueness import SharedUniqueness
from offers.click_log.writer import ClickWriter
from offers.decision_cache import DecisionCache
from offers.handler import ClickHandler
from offers.landing import LandingBuilder
from offers.links.links import token_reader
from offers.links.tokens import TokenReader
from offers.routing.routing import Defaults
from offers.spool.spool import Spool
from offers.stats.counters import WorkerCounters
from offers.stats.types import Cache, OpenDatabase
from offers.visitors.address import AddressReader
from offers.visitors.device import DeviceReader
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import VisitorReader
from recipes.records.redirects import last_page, not_found_url
from recipes.store.reader import RecipeReader

REDIS_TIMEOUT_SECONDS = 2.0
# A value of CLICKS_UNWRITABLE; the other one is "answer".
REFUSE_UNWRITTEN = "refuse"
# After a restart of Redis every pooled connection is dead, which shows only when it is used: retry once.
AGAIN = Retry(NoBackoff(), 1, (RedisConnectionError,))


def open_redis() -> Redis:
    """Make a client of this instance's Redis for one event loop; it connects at the first command.

    Raises `ValueError` for a URL that cannot be read.
    """
    try:
        read_url(settings.REDIS_URL)
    except BadRedisUrl as error:
        raise ValueError(f"REDIS_URL {error}") from None
    return Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=AGAIN,
    )


def build_click_writer() -> ClickWriter:
    """Build the writer that commits the clicks of one event loop."""
    timeout_seconds = settings.CLICK_COMMIT_TIMEOUT_MS / 1000
    # The shared Redis gets half of the time, so that the commit itself still has the other half.
    half, shared = timeout_seconds / 2, settings.SHARED_REDIS_URL
    seen = SharedUniqueness(open_shared(shared, half), half) if shared else None
    spool = Spool(Path(settings.CLICK_SPOOL_DIR), settings.CLICK_SPOOL_RESERVE_BYTES)
    return ClickWriter(
        LogConnection(settings.REDIS_URL, settings.CLICK_LOG_MEMORY_PERCENT),
        spool,
        seen,
        timeout_seconds,
        queue_conversions=bool(settings.AWS_SQS_QUEUE_URL),
        answers_unwritten=settings.CLICKS_UNWRITABLE != REFUSE_UNWRITTEN,
    )


def _described(
    tokens: TokenReader, catalog: Catalog, visitors: VisitorReader, clicks: ClickWriter
) -> tuple[dict[str, Cache], dict[str, int]]:
    """Describe a worker's caches (size, hit rate) and the outcome of its commits, for metrics and staff."""
    remembered = {
        "tokens": tokens.decrypted,
        "visitors": visitors.remembered,
        "devices": visitors.devices.remembered,
    }
    caches = catalog.caches
    for name, function in remembered.items():
        info = function.cache_info()
        caches[name] = Cache(info.currsize, info.maxsize or 0, info.hits, info.misses)
    return caches, msgspec.structs.asdict(clicks.counts)


def _open_databases(geo: GeoReader) -> list[OpenDatabase]:
    return [
        OpenDatabase(str(file.path or ""), file.database_type, file.built_at_seconds, file.error)
        for file in geo.databases.values()
    ]


def build_handler(redis: Redis, clicks: ClickWriter) -> ClickHandler:
    """Build a click handler over `redis`. Raises `ValueError` for a bad key or redirect URL."""
    entries = settings.VISITOR_CACHE_ENTRIES
    tokens = token_reader()
    catalog = Catalog(RecipeReader(redis), settings.CATALOG_CACHE_RECORDS)
    visitors = VisitorReader(
        AddressReader(settings.TRUSTED_PROXIES, settings.DEV_CLIENT_IP),
        GeoReader(settings.MAXMIND_PATH, settings.MAXMIND_PATH_ISP),
        DeviceReader(entries),
        entries,
    )
    return ClickHandler(
        tokens=tokens,
        catalog=catalog,
        visitors=visitors,
        landings=LandingBuilder(settings.NETWORK_ID, settings.URL_HASH_SECRET),
        defaults=Defaults(
            settings.DEFAULT_OFFER_ID,
            settings.DEFAULT_CAMPAIGN_ID,
            last_page(),
        ),
        clicks=clicks,
        counters=WorkerCounters(
            partial(_described, tokens, catalog, visitors, clicks), partial(_open_databases, visitors.geo)
        ),
        decisions=DecisionCache(settings.CATALOG_CACHE_RECORDS),
        not_found_url=not_found_url(),
    )
