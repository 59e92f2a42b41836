"""`manage.py clicks_status`: where the clicks are."""

import sys

import msgspec
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from lib.exit_codes import ExitCodeCommand
from lib.redis_url import REDIS_URL_TAG
from lib.terminal import printable
from offers.click_log.status import ClickStatus, SpoolStatus, click_status
from offers.click_log.stream import ClickLog
from offers.click_log.types import ArchiveStatus, DeadLetter

EXIT_CODES = """exit codes:
  0  nothing waits that should not
  1  this instance's Redis does not answer
  3  clicks wait for DynamoDB for longer than --max-age, or lie in the spool although Redis answers
  4  there are dead letters, of clicks or of conversion messages
Of several the highest counts."""
WAITING, DEAD_LETTERS = 3, 4
# As the alert CotrafficDeliveryBehind has it.
MAX_AGE_SECONDS = 300.0
SHOWN_DEAD_LETTERS = 5
SHOWN_CHARACTERS = 160


class Command(ExitCodeCommand):
    """One report, as a table or as JSON."""

    exit_codes = EXIT_CODES
    help = (
        "Show where this instance's clicks are: waiting in the log for DynamoDB, in the spool for Redis, or "
        "among the dead letters that DynamoDB refused; how fast they are delivered, and what was lost."
    )
    # A Redis that is away has a message of its own here.
    requires_system_checks = (REDIS_URL_TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take options."""
        parser.add_argument(
            "--max-age",
            type=float,
            default=MAX_AGE_SECONDS,
            help=f"seconds that a click may wait for DynamoDB (default: {MAX_AGE_SECONDS:g})",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object, and no table")

    def handle(self, *, json: bool, max_age: float, **_: object) -> None:
        """Print the report; raises CommandError when Redis is away, and exits as `EXIT_CODES` says."""
        log = ClickLog(get_redis_connection("default"))
        try:
            status = click_status(log)
            dead_letters = log.dead_letters(SHOWN_DEAD_LETTERS)
        except RedisError as error:
            raise CommandError(
                f"Redis does not answer ({error}). Start it, or let REDIS_URL say where it is. Clicks are "
                f"kept in {settings.CLICK_SPOOL_DIR} meanwhile."
            ) from error
        if json:
            self.stdout.write(msgspec.json.encode(status).decode())
        else:
            for name, value in _rows(status):
                self.stdout.write(f"{name:<22}{value}")
            self._print_dead_letters(status.dead_letters, dead_letters)
        if code := exit_code(status, max_age):
            sys.exit(code)

    def _print_dead_letters(self, count: int, newest: list[DeadLetter]) -> None:
        if not newest:
            return
        heading = (
            f"the newest {len(newest)} of {count:,} dead letters" if count > len(newest) else "dead letters"
        )
        self.stdout.write(f"\n{heading}; when their cause is gone: manage.py clicks_redeliver")
        for letter in newest:
            self.stdout.write(f"  {self.style.ERROR(_short(letter.error))}")
            self.stdout.write(f"    {_short(letter.click.decode(errors='replace'))}")


def exit_code(status: ClickStatus, max_age_seconds: float) -> int:
    """Return what a script has to know of a status, as `EXIT_CODES` says."""
    if status.dead_letters or status.conversions.dead:
        return DEAD_LETTERS
    waits = (status.oldest_age_seconds or 0) > max_age_seconds
    return WAITING if waits or status.spool.files else 0


def _rows(status: ClickStatus) -> list[tuple[str, str]]:
    age, spool, conversions = status.oldest_age_seconds, status.spool, status.conversions
    oldest = "" if age is None else f", the oldest for {age:,.1f} s"
    dead = f", {conversions.dead:,} refused by SQS" if conversions.dead else ""
    dropped = status.dead_dropped + conversions.dead_dropped
    too_many = f", {dropped:,} older ones dropped because there were too many" if dropped else ""
    return [
        ("backlog", f"{status.backlog:,} clicks wait for DynamoDB{oldest}"),
        ("delivered", f"{status.delivered:,}, now {status.delivered_per_second:,.1f} a second"),
        ("in the log", f"{status.in_log:,} clicks, delivered ones among them"),
        ("archive", _archive(status.archive)),
        ("spool", f"{spool.clicks:,} clicks in {spool.files:,} files, {spool.bytes:,} bytes"),
        ("spooled so far", f"{status.spooled:,}"),
        ("disk of the spool", _disk(spool)),
        ("dead letters", f"{status.dead_letters:,}{too_many}"),
        ("lost", f"{status.lost:,}"),
        ("conversions", f"{conversions.waiting:,} wait, {conversions.due:,} of them are due{dead}"),
    ]


def _archive(archive: ArchiveStatus | None) -> str:
    if archive is None:
        return "none"
    dropped = f", {archive.dropped:,} dropped before they were in it" if archive.dropped else ""
    problem = f"; {archive.write.error}" if archive.write and archive.write.error else ""
    return f"{archive.backlog:,} clicks wait for it, {archive.archived:,} are in it{dropped}{problem}"


def _disk(spool: SpoolStatus) -> str:
    return f"{spool.disk_free:,} bytes are free of {spool.disk_size:,}"


def _short(text: str) -> str:
    shown = printable(text[: SHOWN_CHARACTERS + 1])
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"
