"""What may go wrong with DynamoDB, and what a long time without it leaves behind."""

import time

from tests.faults.fault import Scale
from tests.faults.preload import preload
from tests.faults.system import System


def refuse(system: System, scale: Scale) -> None:
    """DynamoDB's port is closed."""
    _away(system, scale.dynamodb_fails)


def stay_away(system: System, scale: Scale) -> None:
    """DynamoDB's port is closed for long."""
    _away(system, scale.dynamodb_away)


def throttle(system: System, scale: Scale) -> None:
    """DynamoDB leaves half of each batch."""
    _mode(system, "throttle_half", scale.dynamodb_fails)


def throttle_all(system: System, scale: Scale) -> None:
    """DynamoDB refuses every batch as too much."""
    _mode(system, "throttle_all", scale.dynamodb_fails)


def fail(system: System, scale: Scale) -> None:
    """DynamoDB answers 500."""
    _mode(system, "error_500", scale.dynamodb_fails)


def answer_garbage(system: System, scale: Scale) -> None:
    """What answers for DynamoDB says 200 and means nothing, as a proxy before it might."""
    _mode(system, "garbage", scale.dynamodb_fails)


def hang_dynamodb(system: System, scale: Scale) -> None:
    """DynamoDB accepts requests and never answers; it carries every second one out."""
    _mode(system, "hang", scale.dynamodb_fails)


def preload_backlog(system: System, scale: Scale) -> set[str]:
    """Fill the log while nobody delivers."""
    for program in (system.celery, system.beat):
        program.hold()
        program.kill()
    return preload(system, scale.backlog)


def deliver_backlog(system: System, scale: Scale) -> None:
    """Let delivery begin."""
    system.celery.release()
    system.beat.release()


def _away(system: System, seconds: float) -> None:
    system.dynamodb.hold(seconds)
    system.dynamodb.kill()
    time.sleep(seconds)


def _mode(system: System, mode: str, seconds: float) -> None:
    system.dynamodb_mode(mode)
    time.sleep(seconds)
    system.dynamodb_mode("ok")
