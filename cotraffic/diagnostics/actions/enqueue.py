"""Queues actions of staff with Celery, and logs who started them."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from kombu.exceptions import OperationalError

from cotraffic.diagnostics.actions.kinds import ActionKind
from cotraffic.diagnostics.actions.store import Action, Actions, ActionState
from cotraffic.diagnostics.models import Instance
from cotraffic.diagnostics.overview.component import sources

TASK = "cotraffic.diagnostics.actions.tasks.run_action"


def enqueue(kind: ActionKind, user: User, arguments: dict[str, str] | None = None) -> Action:
    """Have an action run, and enter it in the admin's log; one that cannot be handed over has failed.

    Raises `RedisError`.
    """
    actions = Actions(sources().redis)
    action = actions.add(kind.name, kind.title, user.get_username(), arguments or {})
    entry = LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(Instance),
        object_id=action.id,
        object_repr=kind.title,
        action_flag=CHANGE,
        change_message=f"{kind.title}: asked for.",
    )
    action.log_entry = entry.pk
    actions.save(action)
    # Here and not above: web workers that are never asked for anything need no Celery in their memory. By its
    # module and not `current_app`, which is another application, with another broker, until that is imported.
    from cotraffic.celery import app

    try:
        app.send_task(TASK, args=[action.id], retry=False)
    except OperationalError as error:
        action.state = ActionState.FAILED
        action.outcome = (
            f"The work could not be handed to Celery: {error}. Look at the broker (CELERY_BROKER_URL)."
        )
        actions.save(action)
        entry.change_message = f"{kind.title}: {action.state}. {action.outcome}"
        entry.save(update_fields=["change_message"])
    return action
