"""Celery's worker and beat, by their heartbeats."""

from collections.abc import Iterable

from cotraffic.diagnostics.formatting import duration, number
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources
from cotraffic.ops.heartbeats import BEAT, Heartbeat, heartbeats

# Three heartbeats missed.
SILENT_SECONDS = 15.0
# Beat sends a task every second.
IDLE_BEAT_SECONDS = 60.0
WORKER_HINT = (
    "Start `celery -A cotraffic worker`. Until then no click is delivered, and nobody looks at S3; nothing "
    "is lost."
)
BEAT_HINT = (
    "Start `celery -A cotraffic beat`, once. Until then no click is delivered, and nobody looks at S3."
)


def parts(sources: Sources) -> Iterable[Component]:
    """Describe beat and every worker that published lately. Raises `RedisError`."""
    found = heartbeats(sources.redis, sources.now)
    workers = [each for each in found if each.name != BEAT]
    alive = [each for each in workers if _silent(each, sources.now) <= SILENT_SECONDS]
    if not workers:
        yield Component("celery-worker", "Celery worker", Light.ERROR, "No worker was heard of.", WORKER_HINT)
    # A worker that was replaced under a new name is left out.
    for worker in alive or workers[-1:]:
        yield _worker(worker, sources.now, len(workers) > 1)
    yield _beat(next((each for each in found if each.name == BEAT), None), sources.now)


def _worker(worker: Heartbeat, now: float, named: bool) -> Component:
    silent = _silent(worker, now)
    title = f"Celery worker {worker.name}" if named else "Celery worker"
    facts = (
        Fact("Last heartbeat", at_s=worker.heard_s),
        Fact("Running since", at_s=worker.since_s),
        Fact("Process", f"{worker.pid}, {worker.name}"),
        Fact("Tasks taken up", number(worker.done)),
        Fact("At work on", lines=tuple(worker.running) or ("nothing",)),
    )
    if silent > SILENT_SECONDS:
        sentence = f"Not heard of for {duration(silent)}."
        return Component(f"celery-{worker.name}", title, Light.ERROR, sentence, WORKER_HINT, facts)
    sentence = f"Alive, heard of {duration(silent)} ago." if silent >= 1 else "Alive, heard of just now."
    return Component(f"celery-{worker.name}", title, Light.OK, sentence, facts=facts)


def _beat(beat: Heartbeat | None, now: float) -> Component:
    if beat is None:
        return Component("celery-beat", "Celery beat", Light.ERROR, "Beat was not heard of.", BEAT_HINT)
    silent = _silent(beat, now)
    facts = (
        Fact("Last heartbeat", at_s=beat.heard_s),
        Fact("Running since", at_s=beat.since_s),
        Fact("Process", str(beat.pid)),
        Fact("Tasks sent", number(beat.done)),
        Fact("Last task sent", at_s=beat.last_task_s),
    )
    if silent > SILENT_SECONDS:
        return Component(
            "celery-beat",
            "Celery beat",
            Light.ERROR,
            f"Not heard of for {duration(silent)}.",
            BEAT_HINT,
            facts,
        )
    idle = now - (beat.last_task_s or beat.since_s)
    if idle > IDLE_BEAT_SECONDS:
        hint = "It cannot reach the broker (CELERY_BROKER_URL), or its schedule file is broken; see its log."
        sentence = f"Alive, but it has sent no task for {duration(idle)}."
        return Component("celery-beat", "Celery beat", Light.WARNING, sentence, hint, facts)
    return Component(
        "celery-beat", "Celery beat", Light.OK, f"Alive, {number(beat.done)} tasks sent.", facts=facts
    )


def _silent(heartbeat: Heartbeat, now: float) -> float:
    return max(0.0, now - heartbeat.heard_s)
