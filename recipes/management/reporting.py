"""Shared by the commands on recipes: exit codes, failures in words, and a progress bar."""

from typing import NoReturn

from tqdm import tqdm

from recipes.file.download import CannotReachS3
from recipes.file.json_stream import RecipeRejected
from recipes.sync.comparison import LiveChanged

DONE, NOTHING_TO_DO, REJECTED, NO_S3, NO_REDIS, NO_DISK = 0, 3, 4, 5, 6, 7


def failure(problem: Exception) -> tuple[int, str]:
    """Return the exit code of a failed sync or preview, and what went wrong in words."""
    if isinstance(problem, RecipeRejected | LiveChanged):
        return REJECTED, str(problem)
    if isinstance(problem, CannotReachS3):
        return NO_S3, str(problem)
    if isinstance(problem, OSError):
        return NO_DISK, str(problem)
    return NO_REDIS, f"{problem} (REDIS_URL says where this instance's Redis is)"


class ProgressBar:
    """A progress bar on the terminal, a new one for each stage."""

    def __init__(self, kind: str, quiet: bool) -> None:
        self._kind = kind
        self._quiet = quiet
        self._stage = ""
        self._bar: tqdm[NoReturn] | None = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show how far the stage has come."""
        if self._quiet:
            return
        if self._bar is None or stage != self._stage:
            self.close()
            unit, scale = ("B", True) if stage.startswith("downloading") else ("", False)
            self._bar = tqdm(
                desc=f"{stage} {self._kind}".strip(), total=total, unit=unit, unit_scale=scale, leave=False
            )
            self._stage = stage
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """End the bar, so that later output begins on a line of its own."""
        if self._bar is not None:
            self._bar.close()
