"""`manage.py recipe_preview`: what a sync of the recipe would change, record by record and click by click."""

import sys
from contextlib import closing

import msgspec
from django.core.management.base import CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cotraffic.diagnostics.preview.preview import preview
from cotraffic.diagnostics.preview.text import preview_text
from lib.exit_codes import ExitCodeCommand
from lib.redis_url import REDIS_URL_TAG
from lib.terminal import printable
from offers.click_log.stream import ClickLog
from recipes.file.download import CannotReachS3
from recipes.file.json_stream import RecipeRejected
from recipes.management.reporting import DONE, NOTHING_TO_DO, REJECTED, ProgressBar, failure
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync.comparison import LiveChanged

PREVIEW_CLICKS = 1000
EXIT_CODES = """exit codes:
  0  S3 has a recipe that would go live and change something
  3  nothing to do: what is live is what S3 has
  4  the recipe in S3 would be rejected or held back, and what is live would stay live
  5  S3 did not give us a file
  6  this instance's Redis does not answer, or lost its data meanwhile
  7  this machine's disk does not take or give the file"""


class Command(ExitCodeCommand):
    """Compare what S3 has with what is live; nothing is changed."""

    exit_codes = EXIT_CODES
    help = (
        "Show which records a sync would add, remove and change, and where the newest clicks of the log "
        "would go then. Nothing is changed."
    )
    # A Redis that is away has an exit code and a message of its own here.
    requires_system_checks = (REDIS_URL_TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare kinds and options."""
        names = [kind.value for kind in RecipeKind]
        parser.add_argument(
            "kinds",
            nargs="*",
            metavar="kind",
            type=RecipeKind,
            help=f"{' or '.join(names)} (default: both)",
        )
        parser.add_argument(
            "--clicks",
            type=int,
            default=PREVIEW_CLICKS,
            metavar="N",
            help="how many clicks are decided again (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object, and no table")

    def handle(self, *, kinds: list[RecipeKind], clicks: int, json: bool, **_: object) -> None:
        """Compare, print, and exit with one of the codes in `EXIT_CODES`."""
        quiet = json or not sys.stderr.isatty()
        store = RecipeStore(get_redis_connection("default"))
        wanted = tuple(kinds or RecipeKind)
        with closing(ProgressBar("", quiet)) as bar:
            try:
                log = ClickLog(store.redis)
                found = preview(store, log, "recipe_preview", max(0, clicks), bar, wanted)
            except (RecipeRejected, LiveChanged, CannotReachS3, OSError, RedisError) as error:
                code, words = failure(error)
                if json:
                    self._print_json({"exit_code": code, "error": words})
                self.stderr.write(self.style.ERROR(printable(words)))
                sys.exit(code)
        code = NOTHING_TO_DO if not found.kinds else REJECTED if found.is_held_back else DONE
        if json:
            self._print_json({"exit_code": code, "preview": msgspec.to_builtins(found)})
        elif not found.kinds:
            self.stdout.write("S3 has what is live; a sync would change nothing.")
        else:
            for line in preview_text(found):
                self.stdout.write(printable(line))
        sys.exit(code)

    def _print_json(self, body: dict[str, object]) -> None:
        self.stdout.write(msgspec.json.encode(body).decode())
