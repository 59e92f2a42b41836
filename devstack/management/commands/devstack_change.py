"""`manage.py devstack_change`: play co-admin-back in a running `make dev`."""

import json
import os
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from devstack.corecipe import changes_queue_url
from devstack.demo.records import campaign, offer
from devstack.environment import PROJECT, Environment, read_environment
from devstack.truth import FILE_NAME, ID_FIELDS, Kind, NoTruth, Truth

STATUS_FIELDS: dict[Kind, str] = {"offer": "status", "campaign": "campaignStatus"}
PROJECT_NAME = "co-admin-back"


class Command(BaseCommand):
    """Change the source of truth, and say so in the queue that co-recipe polls."""

    help = (
        "Create, change or delete one offer or campaign of a running `make dev`, as a member of staff would. "
        "The next click is answered by it. For example: devstack_change offer 101 --payout 3.5"
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a record and what is to become of it."""
        parser.add_argument("kind", choices=["offer", "campaign"])
        parser.add_argument("id", type=int)
        parser.add_argument("--create", action="store_true", help="make a new record with this id")
        parser.add_argument("--delete", action="store_true", help="delete it")
        parser.add_argument("--payout", help="what the affiliate gets")
        parser.add_argument("--status", help="such as inactive (offer) or blocked (campaign)")
        parser.add_argument("--name")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="any field of the record; VALUE is JSON, or else text; may be given several times",
        )
        parser.add_argument(
            "--state",
            type=Path,
            default=PROJECT / "var" / "devstack",
            help="state directory of the devstack (default: var/devstack)",
        )

    def handle(self, *, kind: Kind, id: int, **options: Any) -> None:
        """Change it."""
        environment = read_environment(options["state"].resolve())
        try:
            truth = Truth(environment.state / FILE_NAME)
        except NoTruth as error:
            raise CommandError(str(error)) from None
        before = truth.get(kind, id)
        if options["create"] and before is not None:
            raise CommandError(f"there is {kind} {id} already; leave --create out to change it")
        if not options["create"] and before is None:
            raise CommandError(f"there is no {kind} {id}; --create makes one")
        changes = _changes(kind, options)
        if options["delete"]:
            truth.delete(kind, id)
            action = "delete"
        else:
            if not changes and not options["create"]:
                raise CommandError("nothing to change; see --help for what can be")
            truth.put(kind, (before or _new(kind, id, environment)) | changes)
            action = "updateOrCreate"
        _tell(environment, {"type": kind, "id": id, "action": action})
        shown = ", ".join(
            f"{name}: {(before or {}).get(name)!r} -> {value!r}" for name, value in changes.items()
        )
        self.stdout.write(f"{kind} {id}: {action}{f' ({shown})' if shown else ''}. co-recipe has been told.")


def _changes(kind: Kind, options: dict[str, Any]) -> dict[str, Any]:
    fields = {"payout": options["payout"], STATUS_FIELDS[kind]: options["status"], "name": options["name"]}
    changes = {name: value for name, value in fields.items() if value is not None}
    for assignment in options["set"]:
        name, sign, value = assignment.partition("=")
        if not sign or not name:
            raise CommandError(f"--set takes FIELD=VALUE, not {assignment!r}")
        if name == ID_FIELDS[kind]:
            raise CommandError(f"{name} cannot be changed; --create makes a record with another id")
        try:
            changes[name] = json.loads(value)
        except ValueError:
            changes[name] = value
    return changes


def _new(kind: Kind, record_id: int, environment: Environment) -> dict[str, Any]:
    if kind == "offer":
        return offer(record_id, f"New offer {record_id}", environment.pages_url)
    return campaign(record_id, f"New campaign {record_id}", 101)


def _tell(environment: Environment, change: dict[str, Any]) -> None:
    """Send the message by which co-recipe learns of a change."""
    os.environ.update(environment.variables)
    message = {"comments": "", **change, "timestamp": time.time_ns() // 1_000_000, "project": PROJECT_NAME}
    try:
        sqs = boto3.client("sqs", region_name=environment.variables["AWS_REGION"])
        sqs.send_message(
            QueueUrl=changes_queue_url(sqs),
            MessageBody=json.dumps(message),
            MessageGroupId=f"{change['type']}-{change['id']}",
        )
    except (BotoCoreError, ClientError) as error:
        raise CommandError(
            f"the records were changed, but co-recipe was not told: {error}. Is `make dev` running, and on "
            "this PORT? A change of an amount or a flag is in no recipe file until something longer changes."
        ) from None
