"""`manage.py recipe_sync`: sync the recipe by hand. `recipe_preview` shows what that would change."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec
from django.core.management.base import CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from lib.exit_codes import ExitCodeCommand
from lib.redis_url import REDIS_URL_TAG
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


class _Result(NamedTuple):
    """The exit code of one kind, its part of the JSON output, and the report of a sync that succeeded."""

    code: int
    body: dict[str, object]
    report: SyncReport | None = None


class Command(ExitCodeCommand):
    """Download, check, load and swap, each kind by itself, so that one can succeed if the other fails."""

    exit_codes = EXIT_CODES
    help = "Make the newest recipe live: download it from S3, check it, load it into Redis, and swap."
    # No other checks: a Redis that is away has its own exit code and message here.
    requires_system_checks = (REDIS_URL_TAG,)

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

    def handle(
        self,
        *,
        kinds: list[str],
        force: bool,
        from_file: bool,
        dry_run: bool,
        json: bool,
        announced_size: int | None,
        **_: object,
    ) -> None:
        """Sync, print, and exit with one of the codes in `EXIT_CODES`."""
        unknown = set(kinds) - set(RecipeKind)
        if unknown:
            self.stderr.write(
                f"recipe_sync: unknown kind {', '.join(sorted(unknown))}; there are offers and campaigns"
            )
            sys.exit(2)
        quiet = json or not sys.stderr.isatty()
        store = RecipeStore(get_redis_connection("default"))
        results = {}
        for kind in dict.fromkeys(kinds or RecipeKind):
            with closing(ProgressBar(kind, quiet)) as bar:
                request = SyncRequest(
                    kind=RecipeKind(kind),
                    force=force,
                    from_file=from_file,
                    announced_size=announced_size,
                    progress=no_progress if quiet else bar,
                )
                results[kind] = _one(request, store, check if dry_run else sync)
        codes = [result.code for result in results.values()]
        exit_code = max(codes) if max(codes) > NOTHING_TO_DO else min(codes)
        if json:
            body = {"exit_code": exit_code, "kinds": {kind: result.body for kind, result in results.items()}}
            self.stdout.write(msgspec.json.encode(body).decode())
        else:
            self._print_table(results)
        sys.exit(exit_code)

    def _print_table(self, results: dict[str, _Result]) -> None:
        self.stdout.write(
            f"{'kind':<11}{'outcome':<20}{'records':>11}{'before':>11}{'rejected':>10}{'kept':>9}"
            f"{'defects':>9}{'seconds':>9}"
        )
        for kind, result in results.items():
            row = f"{kind:<11}{result.body['outcome']:<20}"
            if report := result.report:
                row += f"{report.count:>11,}{report.count_before:>11,}{sum(report.rejected.values()):>10,}"
                row += f"{report.kept_count:>9,}{report.defect_count:>9,}{report.took_ms / 1000:>9.2f}"
            self.stdout.write(row)
        for kind, result in results.items():
            for line in _remarks(result.report) if result.report else ():
                self.stdout.write(f"{kind}: {printable(line)}")
            if "error" in result.body:
                self.stderr.write(self.style.ERROR(printable(str(result.body["error"]))))


def _one(
    request: SyncRequest, store: RecipeStore, run: Callable[[SyncRequest, RecipeStore], SyncReport]
) -> _Result:
    kind = request.kind
    try:
        report = run(request, store)
    except AlreadyWaiting as problem:
        body: dict[str, object] = {"kind": kind, "outcome": "left to another sync", "detail": str(problem)}
        return _Result(NOTHING_TO_DO, body)
    except (RecipeRejected, CannotReachS3, OSError, RedisError, SwapRefused, LockLost) as problem:
        code, error = failure(problem)
        body = {"kind": kind, "outcome": _outcome(problem, code), "error": error}
        if isinstance(problem, HeldBack):
            body["held_back"] = True
        return _Result(code, body)
    code = NOTHING_TO_DO if report.outcome is ReportOutcome.UNCHANGED else DONE
    return _Result(code, msgspec.to_builtins(report), report)


def _remarks(report: SyncReport) -> Iterator[str]:
    """Describe the records that were rejected, and the live ones that differ from the file."""
    for reason, count in report.rejected.items():
        yield f"{count:,} records rejected: {reason}"
    for line in report.kept:
        yield f"stays as it was live: {line}"
    if more := report.kept_count - len(report.kept):
        yield f"and {more:,} more stay as they were live"
    if report.carried:
        yield (
            f"{report.carried:,} live records stay that the file lacks, for it holds elements that are no "
            "records"
        )
    if report.undone:
        yield (
            f"{report.undone:,} records stay as updates have them, for the file was made before those updates"
        )


def _outcome(problem: Exception, code: int) -> str:
    """Return the name of a failure in the JSON output."""
    if isinstance(problem, HeldBack):
        return "held back"
    return "on hold" if isinstance(problem, OnHold) else FAILURES[code]
