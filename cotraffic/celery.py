"""Background work: what runs, and when. `celery -A cotraffic worker` and `... beat` start it."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_ready
from django.conf import settings

from cotraffic.broker import broker_settings
from cotraffic.logs import format
from cotraffic.ops import heartbeat_sender

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cotraffic.settings")

TASK_SECONDS = 300
FORGET_OLD_GENERATIONS_SECONDS = 600.0
KEEP_INDEXED_SECONDS = 30.0
DELIVER_CLICKS_SECONDS = 1.0
SEND_CONVERSIONS_SECONDS = 3.0
ARCHIVE_CLICKS_SECONDS = 10.0
# The files on disk come first: they load at once, and S3 may be away.
AT_START = ("recipes.tasks.offers_to_redis", "recipes.tasks.campaigns_to_redis", "recipes.tasks.sync_from_s3")
AT_START_SECONDS = 60.0


@setup_logging.connect
def set_up_logging(**_: object) -> None:
    """Use our log format instead of Celery's own."""
    format.configure(settings.LOGGING)


@worker_ready.connect
def begin(**_: object) -> None:
    """Load the recipe at once, so that a new instance does not wait for the first minute to pass."""
    for task in AT_START:
        app.send_task(task, expires=AT_START_SECONDS)


def every(seconds: float, task: str) -> dict[str, object]:
    """Make a beat entry. A run that has not started when the next one is due expires, to avoid a backlog."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app = Celery("cotraffic")
app.conf.update(
    # Longer than any task may take, or the broker would hand it out a second time.
    **broker_settings(settings.CELERY_BROKER_URL, visibility_timeout=2 * TASK_SECONDS),
    broker_connection_retry_on_startup=True,
    task_default_queue="cotraffic",
    # Named here because it is not the module `tasks` of an app, which would be found by itself.
    include=["cotraffic.diagnostics.actions.tasks"],
    task_ignore_result=True,
    # A task is acknowledged when it is done, so it runs again if its worker dies: all tasks are idempotent.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=TASK_SECONDS,
    task_soft_time_limit=TASK_SECONDS - 30,
    worker_concurrency=settings.CELERY_CONCURRENCY,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    # Kilobytes: a child that a large load has made big is replaced by a new one.
    worker_max_memory_per_child=300_000,
    timezone="UTC",
    beat_scheduler="cotraffic.beat:IntervalScheduler",
    beat_schedule={
        "syncFromS3Cron": every(settings.RECIPE_SYNC_SECONDS, "recipes.tasks.sync_from_s3"),
        "offersToRedisCron": every(settings.RECIPE_RELOAD_SECONDS, "recipes.tasks.offers_to_redis"),
        "campaignsToRedisCron": every(settings.RECIPE_RELOAD_SECONDS, "recipes.tasks.campaigns_to_redis"),
        "forgetOldGenerationsCron": every(
            FORGET_OLD_GENERATIONS_SECONDS, "recipes.tasks.forget_old_generations"
        ),
        "keepIndexedCron": every(KEEP_INDEXED_SECONDS, "recipes.tasks.keep_indexed"),
        "deliverClicksCron": every(DELIVER_CLICKS_SECONDS, "offers.tasks.deliver_clicks"),
        "archiveClicksCron": every(ARCHIVE_CLICKS_SECONDS, "offers.tasks.archive_clicks"),
        "sendConversionsCron": every(SEND_CONVERSIONS_SECONDS, "offers.tasks.send_conversions"),
    },
)
app.autodiscover_tasks()
heartbeat_sender.connect(settings.REDIS_URL)
