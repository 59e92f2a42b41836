"""`manage.py clicks_deliver`: deliver now what is in the click log, as when an instance is about to end."""

import sys
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from offers.click_log import ClickLog
from offers.click_table import ClickTable, TableNotUsable
from offers.conversion_queue import ConversionQueue, QueueAway, send_due
from offers.delivery import consumer_name, deliver

LEFT = 3


class Command(BaseCommand):
    """Do by hand, and to the end, what Celery does every second."""

    help = (
        "Deliver the clicks in the log to DynamoDB and send the conversion messages that are due, until "
        "nothing is left or the time is up. It may run beside Celery's workers. Exit code 3: clicks are left."
    )
    # A Redis that is away has a message of its own here.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take options."""
        parser.add_argument("--seconds", type=float, default=60.0, help="time to take at most (default: 60)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        """Deliver, and tell what became of it; raises CommandError when Redis or the table cannot be used."""
        log = ClickLog(get_redis_connection("default"))
        try:
            log.status()
            done = deliver(log, ClickTable(), consumer_name(), options["seconds"])
            if settings.AWS_SQS_QUEUE_URL:
                send_due(log, ConversionQueue(), options["seconds"])
            left = log.status().backlog
        except RedisError as problem:
            raise CommandError(
                f"Redis does not answer ({problem}). Start it, or let REDIS_URL say where it is, and run "
                "this again: nothing is lost."
            ) from problem
        except (TableNotUsable, QueueAway) as problem:
            raise CommandError(f"{problem}. The clicks stay in the log.") from problem
        if options["json"]:
            report = {"delivered": done.delivered, "set_aside": done.set_aside, "left": left}
            self.stdout.write(msgspec.json.encode(report).decode())
        else:
            self.stdout.write(f"{done.delivered:,} clicks were delivered, {left:,} are left.")
        if left:
            sys.exit(LEFT)
