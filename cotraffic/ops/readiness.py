"""Whether a worker may be sent clicks: what a load balancer asks before it does."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from redis.exceptions import RedisError

from offers.visitors.geoip import GeoReader
from recipes.store.reader import RecipeReader
from recipes.store.types import RecipeMeta

# A probe has its own time limit; ours must end first, or its answer says nothing.
REDIS_SECONDS = 1.0


class Readiness(msgspec.Struct, frozen=True):
    """Whether to send clicks here: `missing` forbids it, `degraded` is worth a look; both in words."""

    missing: list[str]
    degraded: list[str]

    @property
    def status(self) -> str:
        """In one word or two."""
        return "not ready" if self.missing else "degraded" if self.degraded else "ready"


class Probes:
    """Answers for one worker. A recipe that S3 was not seen to have for `stale_seconds` counts as stale.

    `unwritable` says why clicks cannot be written down at present, "" where they can.
    """

    def __init__(
        self,
        recipe: RecipeReader,
        geo: GeoReader,
        stale_seconds: float,
        unwritable: Callable[[], str] = str,
    ) -> None:
        self._recipe = recipe
        self._geo = geo
        self._unwritable = unwritable
        self._stale_ms = stale_seconds * 1000

    async def ready(self) -> Readiness:
        """Whether both recipes are live, Redis answers and clicks can be written down.

        Without GeoIP clicks are answered, but blindly.
        """
        self._geo.look()
        unwritable = self._unwritable()
        missing = [f"clicks: neither Redis nor the spool takes them: {unwritable}"] if unwritable else []
        degraded = [f"GeoIP: {file.error}" for file in self._geo.databases.values() if file.error]
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
        return Readiness(missing, degraded)

    def _stale(self, meta: RecipeMeta, now_ms: float) -> str:
        """Why a live recipe may be old; "" when it is not."""
        because = f" ({meta.last_error})" if meta.last_error else ""
        if meta.checked_at_ms is None:
            return f"not compared with S3 since it was loaded{because}"
        age_ms = now_ms - meta.checked_at_ms
        if age_ms <= self._stale_ms:
            return ""
        return f"not compared with S3 for {age_ms / 1000:.0f} s{because}"
