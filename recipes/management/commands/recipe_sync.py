"""`manage.py recipe_sync`: sync the recipe by hand, or see what a sync would change.

The preview decides clicks, so for it this command, alone in here, looks into `offers`; only then, for a load
needs nothing of that in its memory.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError
from tqdm import tqdm

from lib.terminal import printable
from recipes.file.download import CannotReachS3
from recipes.file.json_stream import RecipeRejected
from recipes.records.kinds import RecipeKind
from recipes.store.lock import AlreadyWaiting, LockLost
from recipes.store.store import RecipeStore
from recipes.store.types import SwapRefused
from recipes.sync.comparison import LiveChanged
from recipes.sync.hold import HeldBack, OnHold
from recipes.sync.sync import SyncReport, SyncRequest, check, no_progress, sync

DONE, NOTHING_TO_DO, REJECTED, NO_S3, NO_REDIS, NO_DISK = 0, 3, 4, 5, 6, 7
EXIT_CODES = """exit codes:
  0  done: at least one kind was loaded (or, with --preview, would change), none failed
  3  nothing to do: what is live is what S3 has (or another sync is about to do the same)
  4  a recipe was rejected or is held back, and what was live stays live
  5  S3 did not give us a file
  6  this instance's Redis does not answer, or lost its data meanwhile
  7  this machine's disk does not take or give the file
Of several the highest counts."""

PREVIEW_CLICKS = 1000

FAILURES = {
    REJECTED: "rejected",
    NO_S3: "cannot reach S3",
    NO_REDIS: "cannot reach Redis",
    NO_DISK: "cannot use the disk",
}


class Command(BaseCommand):
    """Download, check, load and swap; each kind by itself, so that one may fail and the other be done."""

    help = "Make the newest recipe live: download it from S3, check it, load it into Redis, and swap."
    # A Redis that is away has an exit code and a message of its own here.
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the lines of the epilog as they are."""
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take kinds and options."""
        kinds = [kind.value for kind in RecipeKind]
        parser.add_argument("kinds", nargs="*", metavar="kind", help=f"{' or '.join(kinds)} (default: both)")
        parser.add_argument(
            "--force",
            action="store_true",
            help="load an unchanged file too, and one that is held back, and let it undo older updates",
        )
        parser.add_argument("--from-file", action="store_true", help="load the local file instead of S3's")
        parser.add_argument("--dry-run", action="store_true", help="do everything but change anything")
        parser.add_argument(
            "--preview",
            action="store_true",
            help="change nothing, but tell which records a sync would add, remove and change, and where the "
            "newest clicks of the log would go then",
        )
        parser.add_argument(
            "--clicks",
            type=int,
            default=PREVIEW_CLICKS,
            metavar="N",
            help="with --preview: how many clicks are decided again (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object, and no table")
        parser.add_argument(
            "--announced-size", type=int, metavar="N", help="co-recipe's number for this recipe, to remember"
        )

    def handle(self, *, kinds: list[str], **options: Any) -> None:
        """Sync, print, and exit with the code that `EXIT_CODES` gives."""
        unknown = set(kinds) - set(RecipeKind)
        if unknown:
            self.stderr.write(
                f"recipe_sync: unknown kind {', '.join(sorted(unknown))}; there are offers and campaigns"
            )
            sys.exit(2)
        quiet = options["json"] or not sys.stderr.isatty()
        store = RecipeStore(get_redis_connection("default"))
        if options["preview"]:
            sys.exit(
                self._preview(tuple(RecipeKind(kind) for kind in kinds or RecipeKind), store, options, quiet)
            )
        results = [self._one(RecipeKind(kind), store, options, quiet) for kind in kinds or list(RecipeKind)]
        codes = [code for code, _ in results]
        exit_code = max(codes) if max(codes) > NOTHING_TO_DO else min(codes)
        if options["json"]:
            body = {"exit_code": exit_code, "kinds": {result["kind"]: result for _, result in results}}
            self.stdout.write(msgspec.json.encode(body).decode())
        else:
            self._print_table([result for _, result in results])
        sys.exit(exit_code)

    def _preview(
        self, kinds: tuple[RecipeKind, ...], store: RecipeStore, options: dict[str, Any], quiet: bool
    ) -> int:
        """What a sync of the kinds would change, printed; gives the exit code."""
        from cotraffic.diagnostics.preview.preview import preview
        from cotraffic.diagnostics.preview.text import preview_text
        from offers.click_log.stream import ClickLog

        with closing(ProgressBar("", quiet)) as bar:
            try:
                log = ClickLog(store.redis)
                found = preview(store, log, "recipe_sync", max(0, options["clicks"]), bar, kinds)
            except (RecipeRejected, LiveChanged, CannotReachS3, OSError, RedisError) as problem:
                code, error = _failure(problem)
                body = {"exit_code": code, "error": error}
                if options["json"]:
                    self.stdout.write(msgspec.json.encode(body).decode())
                self.stderr.write(self.style.ERROR(printable(error)))
                return code
        code = NOTHING_TO_DO if not found.kinds else REJECTED if found.is_held_back else DONE
        if options["json"]:
            body = {"exit_code": code, "preview": msgspec.to_builtins(found)}
            self.stdout.write(msgspec.json.encode(body).decode())
        elif not found.kinds:
            self.stdout.write("S3 has what is live; a sync would change nothing.")
        else:
            for line in preview_text(found):
                self.stdout.write(printable(line))
        return code

    def _one(
        self, kind: RecipeKind, store: RecipeStore, options: dict[str, Any], quiet: bool
    ) -> tuple[int, dict[str, Any]]:
        """One kind: its exit code, and what to tell of it."""
        with closing(ProgressBar(kind, quiet)) as bar:
            request = SyncRequest(
                kind=kind,
                force=options["force"],
                from_file=options["from_file"],
                announced_size=options["announced_size"],
                progress=no_progress if quiet else bar,
            )
            try:
                report = check(request, store) if options["dry_run"] else sync(request, store)
            except AlreadyWaiting as problem:
                return NOTHING_TO_DO, {
                    "kind": kind,
                    "outcome": "left to another sync",
                    "detail": str(problem),
                }
            except (RecipeRejected, CannotReachS3, OSError, RedisError, SwapRefused, LockLost) as problem:
                code, error = _failure(problem)
                told: dict[str, Any] = {"kind": kind, "outcome": _outcome(problem, code), "error": error}
                if isinstance(problem, HeldBack):
                    told["held_back"] = True
                return code, told
        code = NOTHING_TO_DO if report.outcome == "unchanged" else DONE
        return code, msgspec.to_builtins(report)

    def _print_table(self, results: list[dict[str, Any]]) -> None:
        self.stdout.write(
            f"{'kind':<11}{'outcome':<20}{'records':>11}{'before':>11}{'rejected':>10}{'kept':>9}"
            f"{'defects':>9}{'seconds':>9}"
        )
        for result in results:
            row = f"{result['kind']:<11}{result['outcome']:<20}"
            if "count" in result:
                report = msgspec.convert(result, SyncReport)
                row += f"{report.count:>11,}{report.count_before:>11,}{sum(report.rejected.values()):>10,}"
                row += f"{report.kept_count:>9,}{report.defect_count:>9,}{report.took_ms / 1000:>9.2f}"
            self.stdout.write(row)
        for result in results:
            for reason, count in result.get("rejected", {}).items():
                self.stdout.write(f"{result['kind']}: {count:,} records rejected: {printable(reason)}")
            for line in _what_stays(result):
                self.stdout.write(f"{result['kind']}: {printable(line)}")
            if "error" in result:
                self.stderr.write(self.style.ERROR(printable(result["error"])))


def _what_stays(result: dict[str, Any]) -> Iterator[str]:
    """Which live records are not as the file has them, in words."""
    for line in result.get("kept", ()):
        yield f"stays as it was live: {line}"
    if more := result.get("kept_count", 0) - len(result.get("kept", ())):
        yield f"and {more:,} more stay as they were live"
    if carried := result.get("carried"):
        yield f"{carried:,} live records stay that the file lacks, for it holds elements that are no records"
    if undone := result.get("undone"):
        yield f"{undone:,} records stay as updates have them, for the file was made before those updates"


def _outcome(problem: Exception, code: int) -> str:
    """A failure in a word."""
    if isinstance(problem, HeldBack):
        return "held back"
    return "on hold" if isinstance(problem, OnHold) else FAILURES[code]


def _failure(problem: Exception) -> tuple[int, str]:
    """The exit code of a failure, and what it is in words."""
    if isinstance(problem, RecipeRejected | LiveChanged):
        return REJECTED, str(problem)
    if isinstance(problem, CannotReachS3):
        return NO_S3, str(problem)
    if isinstance(problem, OSError):
        return NO_DISK, str(problem)
    return NO_REDIS, f"{problem} (REDIS_URL says where this instance's Redis is)"


class ProgressBar:
    """A progress bar on the terminal, one a stage."""

    def __init__(self, kind: str, quiet: bool) -> None:
        self._kind = kind
        self._quiet = quiet
        self._stage = ""
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show how far the stage has come."""
        if self._quiet:
            return
        if stage != self._stage:
            self.close()
            unit, scale = ("B", True) if stage.startswith("downloading") else ("", False)
            self._bar = tqdm(
                desc=f"{stage} {self._kind}".strip(), total=total, unit=unit, unit_scale=scale, leave=False
            )
            self._stage = stage
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()
