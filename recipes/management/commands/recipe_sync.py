"""`manage.py recipe_sync`: sync the recipe by hand. `recipe_preview` shows what that would change."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from lib.terminal import printable
from recipes.file.download import CannotReachS3
from recipes.file.json_stream import RecipeRejected
from recipes.management.reporting import (
    DONE,
    NO_DISK,
    NO_REDIS,
    NO_S3,
    NOTHING_TO_DO,
    REJECTED,
    ProgressBar,
    failure,
)
from recipes.records.kinds import RecipeKind
from recipes.store.lock import AlreadyWaiting, LockLost
from recipes.store.store import RecipeStore
from recipes.store.types import SwapRefused
from recipes.sync.hold import HeldBack, OnHold
from recipes.sync.report import ReportOutcome
from recipes.sync.sync import SyncReport, SyncRequest, check, no_progress, sync

EXIT_CODES = """exit codes:
  0  done: at least one kind was loaded, none failed
  3  nothing to do: what is live is what S3 has (or another sync is about to do the same)
  4  a recipe was rejected or is held back, and what was live stays live
  5  S3 did not give us a file
  6  this instance's Redis does not answer, or lost its data meanwhile
  7  this machine's disk does not take or give the file
Of several the highest counts."""

FAILURES = {
    REJECTED: "rejected",
    NO_S3: "cannot reach S3",
    NO_REDIS: "cannot reach Redis",
    NO_DISK: "cannot use the disk",
}


class Command(BaseCommand):
    """Download, check, load and swap, each kind by itself, so that one can succeed if the other fails."""

    help = "Make the newest recipe live: download it from S3, check it, load it into Redis, and swap."
    # No system checks: a Redis that is away has its own exit code and message here.
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the line breaks of the epilog."""
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare kinds and options."""
        kinds = [kind.value for kind in RecipeKind]
        parser.add_argument("kinds", nargs="*", metavar="kind", help=f"{' or '.join(kinds)} (default: both)")
        parser.add_argument(
            "--force",
            action="store_true",
            help="load an unchanged file too, and one that is held back, and let it undo older updates",
        )
        parser.add_argument("--from-file", action="store_true", help="load the local file instead of S3's")
        parser.add_argument("--dry-run", action="store_true", help="do everything but change anything")
        parser.add_argument("--json", action="store_true", help="print one JSON object, and no table")
        parser.add_argument(
            "--announced-size", type=int, metavar="N", help="co-recipe's number for this recipe, to remember"
        )

    def handle(self, *, kinds: list[str], **options: Any) -> None:
        """Sync, print, and exit with one of the codes in `EXIT_CODES`."""
        unknown = set(kinds) - set(RecipeKind)
        if unknown:
            self.stderr.write(
                f"recipe_sync: unknown kind {', '.join(sorted(unknown))}; there are offers and campaigns"
            )
            sys.exit(2)
        quiet = options["json"] or not sys.stderr.isatty()
        store = RecipeStore(get_redis_connection("default"))
        results = [self._one(RecipeKind(kind), store, options, quiet) for kind in kinds or list(RecipeKind)]
        codes = [code for code, _ in results]
        exit_code = max(codes) if max(codes) > NOTHING_TO_DO else min(codes)
        if options["json"]:
            body = {"exit_code": exit_code, "kinds": {result["kind"]: result for _, result in results}}
            self.stdout.write(msgspec.json.encode(body).decode())
        else:
            self._print_table([result for _, result in results])
        sys.exit(exit_code)

    def _one(
        self, kind: RecipeKind, store: RecipeStore, options: dict[str, Any], quiet: bool
    ) -> tuple[int, dict[str, Any]]:
        """Sync one kind. Returns its exit code and its result for the output."""
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
                code, error = failure(problem)
                told: dict[str, Any] = {"kind": kind, "outcome": _outcome(problem, code), "error": error}
                if isinstance(problem, HeldBack):
                    told["held_back"] = True
                return code, told
        code = NOTHING_TO_DO if report.outcome is ReportOutcome.UNCHANGED else DONE
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
    """Describe the live records that differ from the file."""
    for line in result.get("kept", ()):
        yield f"stays as it was live: {line}"
    if more := result.get("kept_count", 0) - len(result.get("kept", ())):
        yield f"and {more:,} more stay as they were live"
    if carried := result.get("carried"):
        yield f"{carried:,} live records stay that the file lacks, for it holds elements that are no records"
    if undone := result.get("undone"):
        yield f"{undone:,} records stay as updates have them, for the file was made before those updates"


def _outcome(problem: Exception, code: int) -> str:
    """Return the name of a failure in the JSON output."""
    if isinstance(problem, HeldBack):
        return "held back"
    return "on hold" if isinstance(problem, OnHold) else FAILURES[code]
