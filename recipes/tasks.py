"""Background work on the recipe; `cotraffic/celery.py` says when. Every task may run twice, or late."""

import structlog
from celery import shared_task
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from recipes.file.download import CannotReachS3, local_path
from recipes.file.json_stream import RecipeRejected
from recipes.index import maintain
from recipes.index.index import IndexBroken
from recipes.records.kinds import RecipeKind
from recipes.store.lock import AlreadyWaiting, LockLost
from recipes.store.store import RecipeStore
from recipes.store.types import SwapRefused
from recipes.sync.hold import OnHold
from recipes.sync.report import ReportOutcome
from recipes.sync.sync import SyncRequest, sync

logger = structlog.stdlib.get_logger(__name__)


@shared_task
def sync_from_s3() -> None:
    """Load what has changed in S3, which keeps an instance up to date while co-recipe is away."""
    for kind in RecipeKind:
        _sync(SyncRequest(kind=kind))


@shared_task
def offers_to_redis() -> None:
    """Load the offers file on disk if it is not what is live, as after a flushed Redis."""
    _reload(RecipeKind.OFFERS)


@shared_task
def campaigns_to_redis() -> None:
    """Load the campaigns file on disk if it is not what is live, as after a flushed Redis."""
    _reload(RecipeKind.CAMPAIGNS)


@shared_task
def forget_old_generations() -> None:
    """Delete generations that a killed loader left behind."""
    forgotten = _store().forget_old_generations()
    if forgotten:
        logger.info("old generations are forgotten", count=forgotten)


@shared_task
def keep_indexed() -> None:
    """Write updates into the indexes of what is live, and build an index that is missing."""
    for kind in RecipeKind:
        try:
            if maintain.keep_indexed(_store(), kind) is maintain.IndexOutcome.BUILT:
                logger.info("an index of names was built", kind=kind.value)
        except (IndexBroken, AlreadyWaiting, LockLost, RedisError, OSError) as error:
            logger.warning("a recipe has no index of names", kind=kind.value, problem=str(error))


def _reload(kind: RecipeKind) -> None:
    # Before the first download there is no file yet, which is not an error.
    if local_path(kind).exists():
        _sync(SyncRequest(kind=kind, from_file=True))


def _store() -> RecipeStore:
    return RecipeStore(get_redis_connection("default"))


def _sync(request: SyncRequest) -> None:
    """Sync one kind. A failure is logged in one line and not raised: the next run is the retry."""
    try:
        report = sync(request, _store())
    except AlreadyWaiting as error:
        logger.info("a sync waits already", problem=str(error))
    except OnHold as error:
        logger.info("a sync waits for a person", kind=request.kind.value, problem=str(error))
    except (CannotReachS3, RecipeRejected, SwapRefused, LockLost, RedisError, OSError) as error:
        logger.warning("a sync has failed", kind=request.kind.value, problem=str(error))
    else:
        if report.outcome is ReportOutcome.DONE:
            logger.info(
                "a recipe went live",
                kind=report.kind.value,
                generation=report.generation,
                records=report.count,
                source=report.source,
                took_ms=report.took_ms,
            )
