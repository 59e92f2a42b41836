"""`manage.py clicks_redeliver`: try again what was refused."""

import sys
from collections.abc import Callable

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError
from tqdm import tqdm

from lib.redis_url import REDIS_URL_TAG
from offers.click_log.redelivery import STEP, in_steps
from offers.click_log.stream import ClickLog


class Command(BaseCommand):
    """Put dead letters back into the log, from where the next delivery takes them."""

    help = (
        "Try dead letters again: clicks that DynamoDB refused go back into the log, conversion messages that "
        "SQS refused become due. Do it when the cause is gone (manage.py clicks_status shows it); what is "
        "refused once more becomes a dead letter once more."
    )
    # A Redis that is away has a message of its own here.
    requires_system_checks = (REDIS_URL_TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take options."""
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, json: bool, **_: object) -> None:
        """Move them, and tell how many; raises CommandError when Redis is away."""
        log = ClickLog(get_redis_connection("default"))
        quiet = json or not sys.stderr.isatty()
        try:
            status = log.status()
            clicks = _moved(log.redeliver, status.dead_letters, "clicks", quiet)
            conversions = _moved(log.redeliver_conversions, status.conversions_dead, "conversions", quiet)
        except RedisError as error:
            raise CommandError(
                f"Redis does not answer ({error}). Start it, or let REDIS_URL say where it is, and run "
                "this again: nothing is lost."
            ) from error
        if json:
            report = {"redelivered": clicks, "conversions": conversions}
            self.stdout.write(msgspec.json.encode(report).decode())
        elif clicks or conversions:
            self.stdout.write(
                f"{clicks:,} clicks and {conversions:,} conversion messages will be tried again."
            )
        else:
            self.stdout.write("There are no dead letters.")


def _moved(move: Callable[[int], int], count: int, unit: str, quiet: bool) -> int:
    """Move `count` dead letters under a progress bar. Returns how many were moved."""
    moved = 0
    with tqdm(total=count, unit=f" {unit}", disable=quiet or count <= STEP, leave=False) as bar:
        for step in in_steps(move, count):
            moved += step
            bar.update(step)
    return moved
