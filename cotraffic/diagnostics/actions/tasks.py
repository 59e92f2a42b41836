"""Background work that staff asked for; `cotraffic/diagnostics/actions/store.py` keeps what becomes of it."""

import time
from contextlib import suppress

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cotraffic.diagnostics.actions.kinds import KINDS, Job
from cotraffic.diagnostics.actions.store import Action, ActionFailed, Actions, ActionState, Reporter

logger = structlog.stdlib.get_logger(__name__)


@shared_task
def run_action(action_id: str) -> None:
    """Run an action, once more if a worker died over it: all can be repeated. One that is over stays so."""
    redis = get_redis_connection("default")
    actions = Actions(redis)
    action = actions.get(action_id)
    if action is None or action.is_over:
        return
    action.state, action.started_ms = ActionState.RUNNING, _now_ms()
    actions.save(action)
    job = Job(redis, action.arguments, Reporter(action, actions), action.user)
    try:
        action.outcome = KINDS[action.name].run(job)
        action.state = ActionState.DONE
    except ActionFailed as error:
        action.state, action.outcome = ActionState.FAILED, str(error)
    except SoftTimeLimitExceeded:
        action.state, action.outcome = ActionState.FAILED, "It took longer than a task may, and was stopped."
    except (RedisError, OSError) as error:
        action.state, action.outcome = ActionState.FAILED, f"Redis or the disk failed: {error}."
    finally:
        if action.state == ActionState.RUNNING:
            action.state, action.outcome = (
                ActionState.FAILED,
                "It ended by an error that nobody foresaw; see the log.",
            )
        action.ended_ms = _now_ms()
        actions.save(action)
        _tell_the_admin_log(action)
    logger.info("what staff asked for is done", what=action.title, user=action.user, outcome=action.outcome)


@shared_task(name="cotraffic.tasks.run_action")
def run_action_by_its_old_name(action_id: str) -> None:
    """Run an action that an older web worker has queued; to be removed with the next release."""
    run_action(action_id)


def _tell_the_admin_log(action: Action) -> None:
    if action.log_entry is None:
        return
    # The entry was made when the action was queued; the action is done even if it cannot be completed.
    with suppress(DatabaseError):
        LogEntry.objects.filter(pk=action.log_entry).update(
            change_message=f"{action.title}: {action.state}. {action.outcome}"
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
