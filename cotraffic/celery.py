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
# What is on this disk first: it is there at once, and S3 may be away.
AT_START = ("recipes.tasks.offers_to_redis", "recipes.tasks.campaigns_to_redis", "recipes.tasks.sync_from_s3")
AT_START_SECONDS = 60.0


@setup_logging.connect
def set_up_logging(**_: object) -> None:
    """Keep Celery from writing lines of its own make."""
    format.configure(settings.LOGGING)


@worker_ready.connect
def begin(**_: object) -> None:
    """Let a new instance not wait for the first minute to pass before it has a recipe."""
    for task in AT_START:
        app.send_task(task, expires=AT_START_SECONDS)


def every(seconds: float, task: str) -> dict[str, object]:
    """A beat entry; a run that nobody took up until the next is due is dropped: that one does its work."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app = Celery("cotraffic")
app.conf.update(
    # Longer than any task may take, else the broker hands it out a second time.
    **broker_settings(settings.CELERY_BROKER_URL, visibility_timeout=2 * TASK_SECONDS),
    broker_connection_retry_on_startup=True,
    task_default_queue="cotraffic",
    # Found by name: it is no module `tasks` of an app.
    include=["cotraffic.diagnostics.actions.tasks"],
    task_ignore_result=True,
    # A task is acknowledged when it is done, so that one whose worker died is run again: all are idempotent.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=TASK_SECONDS,
    task_soft_time_limit=TASK_SECONDS - 30,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    # Kilobytes: a child that a large load made big is replaced by a small one.
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
        "sendConversionsCron": every(SEND_CONVERSIONS_SECONDS, "offers.tasks.send_conversions"),
    },
)
app.autodiscover_tasks()
heartbeat_sender.connect(settings.REDIS_URL)
