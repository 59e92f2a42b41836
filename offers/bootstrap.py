"""Builds a `ClickHandler` from the settings; opens files and connections, so it is called at start-up."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from offers.click_log.record import plan_visitor
from offers.click_log.shared import SharedBatches
from offers.click_log.writer import ClickWriter
from offers.decision_cache import DecisionCache
from offers.handler import ClickHandler
from offers.landing import LandingBuilder
from offers.links.links import token_reader
from offers.links.tokens import TokenReader
from offers.live_caps.counts import LiveCaps
from offers.live_caps.reading import CountReader
from offers.live_caps.store import CountSeen, read_counts
from offers.routing.decision import Defaults
from offers.spool.spool import Spool
from offers.stats.counters import WorkerCounters
from offers.stats.types import Cache, OpenDatabase
from offers.visitors.address import AddressReader
from offers.visitors.agent_parser import agent_parser
from offers.visitors.crawlers import crawler_list
from offers.visitors.device import DeviceReader
from offers.visitors.geoip import GeoReader
from offers.visitors.visitor import VisitorReader
from recipes.records.redirects import last_page, not_found_url
from recipes.store.reader import RecipeReader

REDIS_TIMEOUT_SECONDS = 2.0
# A value of CLICKS_UNWRITABLE; the other one is "refuse".
ANSWER_UNWRITTEN = "answer"
# A value of AUTOMATED_CLICKS; the other one is "mark".
COUNT_AUTOMATED = "count"
# After a restart of Redis every pooled connection is dead, which shows only when it is used: retry once.
AGAIN = Retry(NoBackoff(), 1, (RedisConnectionError,))


def preload() -> None:
    """Load what all web workers can share, if it is there before they are forked."""
    agent_parser()
    crawler_list()


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
    batches = SharedBatches(open_shared(shared, half), half) if shared else None
    spool = Spool(Path(settings.CLICK_SPOOL_DIR), settings.CLICK_SPOOL_RESERVE_BYTES)
    return ClickWriter(
        LogConnection(settings.REDIS_URL, settings.CLICK_LOG_MEMORY_PERCENT),
        spool,
        batches,
        timeout_seconds,
        live_caps=LiveCaps(settings.CATALOG_CACHE_RECORDS) if settings.LIVE_CAPS else None,
        queue_conversions=bool(settings.AWS_SQS_QUEUE_URL),
        answers_unwritten=settings.CLICKS_UNWRITABLE == ANSWER_UNWRITTEN,
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
    catalog = Catalog(RecipeReader(redis), settings.CATALOG_CACHE_RECORDS, clicks.live_caps)
    visitors = VisitorReader(
        plan_visitor,
        AddressReader(settings.TRUSTED_PROXIES, settings.DEV_CLIENT_IP),
        GeoReader(settings.MAXMIND_PATH, settings.MAXMIND_PATH_ISP),
        DeviceReader(entries),
        entries,
        recognizes_automated=settings.AUTOMATED_CLICKS != COUNT_AUTOMATED,
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
        live_counts=_count_reader(redis, clicks),
    )


def _count_reader(redis: Redis, clicks: ClickWriter) -> CountReader | None:
    if clicks.live_caps is None:
        return None
    where = redis if clicks.shared is None else clicks.shared.redis
    return CountReader(clicks.live_caps, where, REDIS_TIMEOUT_SECONDS)


@contextmanager
def stored_counts() -> Iterator[Callable[[str], CountSeen]]:
    """Provide what reads a live count by its name, for code outside of an event loop.

    It raises one of `lib.shared_redis.AWAY` where the counts are out of reach.
    """
    shared = settings.SHARED_REDIS_URL
    redis = open_shared(shared, REDIS_TIMEOUT_SECONDS) if shared else open_redis()

    async def read(name: str) -> CountSeen:
        async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
            return (await read_counts(redis, [name]))[name]

    with asyncio.Runner() as runner:
        try:
            yield lambda name: runner.run(read(name))
        finally:
            runner.run(redis.aclose())
