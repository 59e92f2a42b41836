"""Decides whether a load balancer should send clicks to this worker."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from redis.exceptions import RedisError

from offers.visitors.geoip import GeoReader
from recipes.store.reader import RecipeReader
from recipes.store.types import RecipeMeta

# Shorter than a load balancer's own time limit, or our answer would come too late to say what is missing.
REDIS_SECONDS = 1.0


class Readiness(msgspec.Struct, frozen=True):
    """Reasons in words: not to send clicks here (`missing`), and to look after this worker (`degraded`).

    `recipe` has the MD5 of each kind's live file (None: not known), by which instances can be compared.
    """

    missing: list[str]
    degraded: list[str]
    recipe: dict[str, str | None] = {}

    @property
    def status(self) -> str:
        """The status in one word or two."""
        return "not ready" if self.missing else "degraded" if self.degraded else "ready"


class Probes:
    """The probes of one worker. A recipe that was not compared with S3 for `stale_seconds` counts as stale.

    `unwritable` returns why clicks cannot be written at present, "" if they can; `spool` why the spool would
    not take them if Redis was away.
    """

    def __init__(
        self,
        recipe: RecipeReader,
        geo: GeoReader,
        stale_seconds: float,
        unwritable: Callable[[], str] = str,
        spool: Callable[[], str] = str,
    ) -> None:
        self._recipe = recipe
        self._geo = geo
        self._unwritable = unwritable
        self._spool = spool
        self._stale_ms = stale_seconds * 1000

    async def ready(self) -> Readiness:
        """Check that both recipes are live, Redis answers and clicks can be written.

        Without GeoIP the worker is only degraded: clicks are answered, with unknown places. So it is without
        a spool, while Redis takes the clicks.
        """
        self._geo.look()
        unwritable = self._unwritable()
        missing = [f"clicks: neither Redis nor the spool takes them: {unwritable}"] if unwritable else []
        degraded = [f"GeoIP: {file.error}" for file in self._geo.databases.values() if file.error]
        if spool := self._spool():
            degraded.append(f"spool: {spool}")
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                metas = await self._recipe.metas()
        except (RedisError, OSError, TimeoutError) as error:
            return Readiness([*missing, f"Redis: {str(error) or 'no answer'}"], degraded)
        now_ms = time.time() * 1000
        for kind, meta in metas.items():
            if not meta.generation:
                missing.append(f"{kind}: no recipe is live")
            elif stale := self._stale(meta, now_ms):
                degraded.append(f"{kind}: {stale}")
        return Readiness(missing, degraded, {kind.value: meta.digest for kind, meta in metas.items()})

    def _stale(self, meta: RecipeMeta, now_ms: float) -> str:
        """Return why a live recipe may be old, "" if it is not."""
        because = f" ({meta.last_error})" if meta.last_error else ""
        if meta.checked_at_ms is None:
            return f"not compared with S3 since it was loaded{because}"
        age_ms = now_ms - meta.checked_at_ms
        if age_ms <= self._stale_ms:
            return ""
        return f"not compared with S3 for {age_ms / 1000:.0f} s{because}"
