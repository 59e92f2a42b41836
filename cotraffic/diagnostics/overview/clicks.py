"""The parts that keep clicks: delivery, dead letters, the spool, and conversion messages."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings

from cotraffic.diagnostics.formatting import duration, file_size, number
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources, seconds
from lib.outcome import Outcome
from offers.click_log.status import ClickStatus, SpoolStatus, click_status, spool_status

SLOW_SECONDS = 30.0
STUCK_SECONDS = 300.0
# Shares of the spool's disk that are free.
LITTLE_ROOM = 0.1
ALMOST_NO_ROOM = 0.02


def parts(sources: Sources) -> Iterable[Component]:
    """Describe delivery, the spool, and conversion messages. Raises `RedisError`."""
    status, outcome = click_status(sources.log), sources.log.table_outcome()
    lately = sum(worker.commits.get("lost", 0) for worker in sources.counters.workers(sources.now))
    yield _delivery(status, outcome, lately)
    yield _spool(status.spool, status.spooled)
    yield _conversions(status)


def spool_parts() -> Iterable[Component]:
    """Describe the spool, which needs no Redis."""
    yield _spool(spool_status(Path(settings.CLICK_SPOOL_DIR)), None)


def _delivery(status: ClickStatus, outcome: Outcome | None, lost_lately: int) -> Component:
    facts = [
        Fact("Waiting", f"{_clicks(status.backlog)}"),
        Fact(
            "The oldest waits for",
            "-" if status.oldest_age_seconds is None else duration(status.oldest_age_seconds),
        ),
        Fact("Delivered", f"{number(status.delivered)}, now {number(status.delivered_per_second)} a second"),
        Fact(
            "Dead letters", number(status.dead_letters), state=Light.WARNING if status.dead_letters else None
        ),
        *_dropped(status.dead_dropped),
        Fact("Lost", number(status.lost), state=Light.ERROR if status.lost else None),
        Fact("Kept in the log", _clicks(status.in_log)),
        Fact("Table", f"{settings.AWS_DYNAMODB_TABLE_NAME} in {settings.AWS_DYNAMODB_REGION}"),
    ]
    if outcome is not None:
        facts.append(Fact("Last write", at_s=seconds(outcome.at_ms)))
        facts.append(Fact("Last well", at_s=seconds(outcome.well_at_ms)))
    state, sentence, hint = _judged(status, outcome, lost_lately)
    return Component("dynamodb", "DynamoDB delivery", state, sentence, hint, tuple(facts))


def _judged(status: ClickStatus, outcome: Outcome | None, lost_lately: int) -> tuple[Light, str, str]:
    """Return state, sentence and hint; `lost_lately` counts clicks lost by the running workers."""
    if lost_lately:
        hint = "Neither Redis nor the disk took them: look at both, and at CLICK_SPOOL_DIR, before all else."
        return Light.ERROR, f"{_clicks(lost_lately)} lost since the workers started.", hint
    if outcome is not None and outcome.error is not None:
        return (
            Light.ERROR,
            f"{outcome.error}.",
            "Nothing is lost: clicks wait in the log, and are tried again.",
        )
    age = status.oldest_age_seconds or 0.0
    if age > SLOW_SECONDS:
        hint = "Is the Celery worker running, and not busy with something long? Nothing is lost meanwhile."
        state = Light.ERROR if age > STUCK_SECONDS else Light.WARNING
        return state, f"{_clicks(status.backlog)} waiting, the oldest for {duration(age)}.", hint
    if status.dead_dropped:
        hint = (
            "There were more than DEAD_LETTERS_KEEP allows. Mend the cause, and retry dead letters (Actions)."
        )
        return Light.ERROR, f"{_clicks(status.dead_dropped)} dropped that DynamoDB had refused.", hint
    if status.dead_letters:
        hint = "`manage.py clicks_status` shows why. When the cause is gone: retry dead letters (Actions)."
        return Light.WARNING, f"DynamoDB refused {_clicks(status.dead_letters)} for good.", hint
    if status.lost:
        hint = "Neither Redis nor the disk took them at the time; the workers that run now have lost none."
        return Light.WARNING, f"{_clicks(status.lost)} lost, before the workers started.", hint
    if status.backlog:
        return Light.OK, f"{_clicks(status.backlog)} on the way, the oldest for {duration(age)}.", ""
    return Light.OK, "Every click is in DynamoDB.", ""


def _spool(status: SpoolStatus, spooled: int | None) -> Component:
    facts = [
        Fact("Directory", settings.CLICK_SPOOL_DIR),
        Fact("Files", number(status.files)),
        Fact("Size", file_size(status.bytes)),
        *([_room(status)] if status.disk_size else []),
    ]
    if spooled is not None:
        facts.append(Fact("Spooled so far", _clicks(spooled)))
    if status.disk_size and status.disk_free < ALMOST_NO_ROOM * status.disk_size:
        hint = "Make room: without it clicks are lost when Redis is away, and Redis needs the room as well."
        sentence = f"The disk has {file_size(status.disk_free)} left; {_clicks(status.clicks)} waiting there."
        return Component("spool", "Spool", Light.ERROR, sentence, hint, tuple(facts))
    if not status.files:
        return Component("spool", "Spool", Light.OK, "Empty: Redis takes every click.", facts=tuple(facts))
    hint = "They go to Redis by themselves as soon as it takes them. Do not remove the directory."
    sentence = f"{_clicks(status.clicks)} waiting on disk for Redis."
    return Component("spool", "Spool", Light.WARNING, sentence, hint, tuple(facts))


def _room(status: SpoolStatus) -> Fact:
    share = status.disk_free / status.disk_size
    state = Light.ERROR if share < ALMOST_NO_ROOM else Light.WARNING if share < LITTLE_ROOM else None
    return Fact(
        "Free on its disk", f"{file_size(status.disk_free)} of {file_size(status.disk_size)}", state=state
    )


def _dropped(count: int) -> list[Fact]:
    return [Fact("Dropped", number(count), state=Light.ERROR)] if count else []


def _conversions(status: ClickStatus) -> Component:
    conversions = status.conversions
    if not settings.AWS_SQS_QUEUE_URL:
        return Component(
            "conversions", "Conversion messages", Light.OFF, "None are sent: AWS_SQS_QUEUE_URL is empty."
        )
    facts = (
        Fact("Waiting", number(conversions.waiting)),
        Fact("Due now", number(conversions.due)),
        Fact("Refused by SQS", number(conversions.dead), state=Light.WARNING if conversions.dead else None),
        *_dropped(conversions.dead_dropped),
    )
    if conversions.dead:
        hint = "When the cause is gone: retry dead letters (Actions)."
        sentence = f"SQS refused {number(conversions.dead)} for good."
        return Component("conversions", "Conversion messages", Light.WARNING, sentence, hint, facts)
    sentence = f"{number(conversions.waiting)} waiting, {number(conversions.due)} of them due."
    return Component("conversions", "Conversion messages", Light.OK, sentence, facts=facts)


def _clicks(count: int) -> str:
    return f"{number(count)} click{'' if count == 1 else 's'}"
