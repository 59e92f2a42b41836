"""`manage.py clicks_compare`: what would differ if the clicks of another server had come here."""

import argparse
import sys
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

import msgspec
from django.conf import settings
from django.core.management.base import CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cotraffic.diagnostics.compare.compare import ClickComparer
from cotraffic.diagnostics.compare.stored import (
    CannotReadClicks,
    clicks_in_file,
    clicks_in_table,
)
from cotraffic.diagnostics.compare.text import comparison_text
from cotraffic.diagnostics.preview.simulate import RecipeView
from lib.exit_codes import ExitCodeCommand
from lib.redis_url import REDIS_URL_TAG
from lib.terminal import printable
from offers.routing.decision import Defaults
from recipes.management.reporting import ProgressBar
from recipes.records.kinds import RecipeKind
from recipes.records.redirects import last_page
from recipes.store.store import RecipeStore

ALL_SAME, WRONG_USE, SOME_DIFFER, CANNOT_READ, NO_REDIS = 0, 2, 3, 5, 6
EXIT_CODES = """exit codes:
  0  every click would be the same here
  2  the question cannot be asked: neither a file nor a time, or a time that is none
  3  some would differ, or cannot be read
  5  the clicks cannot be read: no such file, or DynamoDB does not give them
  6  this instance's Redis does not answer, or no recipe is live"""


class Command(ExitCodeCommand):
    """Decide stored clicks once more; nothing is written."""

    exit_codes = EXIT_CODES
    help = (
        "Read the clicks that another server has stored, decide each again under the recipe that is live "
        "here, as of the moment when it was clicked, and tell how many would go elsewhere, be paid "
        "otherwise, or count otherwise as unique, grouped by reason, with examples. FILE has a JSON record "
        "of a click in each line (gzip is fine, and so are exports of DynamoDB). Nothing is written."
    )
    # What is missing has an exit code and a message of its own here.
    requires_system_checks = (REDIS_URL_TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where the clicks are."""
        parser.add_argument("files", nargs="*", metavar="FILE", help="JSON lines; - is standard input")
        parser.add_argument(
            "--since",
            metavar="TIME",
            type=_instant,
            help="instead of files: read DynamoDB's table, clicks from this time on (2026-11-25T00:00, UTC),",
        )
        parser.add_argument("--until", metavar="TIME", type=_instant, help="up to this time (default: now)")
        parser.add_argument(
            "--table",
            default=settings.AWS_DYNAMODB_TABLE_NAME,
            help="of this table (default: %(default)s). All of it is read, and DynamoDB charges for that",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object, and no table")

    def handle(
        self,
        *,
        files: list[str],
        since: datetime | None,
        until: datetime | None,
        table: str,
        json: bool,
        **_: object,
    ) -> None:
        """Compare, print, and exit with one of the codes in `EXIT_CODES`."""
        if bool(files) == bool(since):
            self._stop(WRONG_USE, "name files of clicks, or a time by --since; --help says how")
        comparer = self._comparer()
        try:
            with closing(ProgressBar("", quiet=not sys.stderr.isatty())) as bar:
                if since:
                    end = until or datetime.now(UTC)
                    progress = partial(bar, "reading DynamoDB's table")
                    comparer.add(clicks_in_table(table, _ms(since), _ms(end), progress))
                for file in files:
                    comparer.add(clicks_in_file(file, partial(bar, f"reading {file}")))
        except CannotReadClicks as error:
            self._stop(CANNOT_READ, str(error))
        except RedisError as error:
            self._stop(NO_REDIS, f"Redis does not answer ({error}); REDIS_URL says where it is")
        found = comparer.result()
        if json:
            self.stdout.write(msgspec.json.encode(found).decode())
        else:
            for line in comparison_text(found):
                self.stdout.write(printable(line))
        if found.differ or found.unreadable:
            sys.exit(SOME_DIFFER)

    def _comparer(self) -> ClickComparer:
        store = RecipeStore(get_redis_connection("default"))
        try:
            missing = [kind.value for kind in RecipeKind if not store.meta(kind).generation]
        except RedisError as error:
            self._stop(NO_REDIS, f"Redis does not answer ({error}); REDIS_URL says where it is")
        if missing:
            self._stop(NO_REDIS, f"no recipe of {' and '.join(missing)} is live; recipe_sync loads it")
        # Without live counts: these clicks are of another time.
        recipe = RecipeView(partial(store.get, RecipeKind.OFFERS), partial(store.get, RecipeKind.CAMPAIGNS))
        return ClickComparer(
            recipe, Defaults(settings.DEFAULT_OFFER_ID, settings.DEFAULT_CAMPAIGN_ID, last_page())
        )

    def _stop(self, code: int, message: str) -> NoReturn:
        self.stderr.write(f"clicks_compare: {printable(message)}")
        sys.exit(code)


def _instant(text: str) -> datetime:
    """Read a time of an option; without a zone it is UTC. Raises `ArgumentTypeError`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-25T00:00") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
