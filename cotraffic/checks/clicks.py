"""System checks of the settings that say where clicks are kept, and which of them count."""

import tempfile
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

UNWRITABLE = ("answer", "refuse")
AUTOMATED = ("mark", "count")
SWITCH = ("on", "off")
NOT_NEGATIVE = (
    "CLICK_SPOOL_RESERVE_BYTES",
    "CLICK_LOG_KEEP",
    "CLICK_LOG_KEEP_BYTES",
    "DEAD_LETTERS_KEEP",
    "DEAD_LETTERS_KEEP_BYTES",
    "CLICK_ARCHIVE_DAYS",
)


@register("cotraffic", deploy=True)
def check_directories(**_: object) -> list[CheckMessage]:
    """E063 for a directory of clicks that cannot be written, which would show only when it is needed.

    With `--deploy` alone: whoever runs another command need not be able to write there.
    """
    names = (
        ["CLICK_SPOOL_DIR"] if settings.CLICK_ARCHIVE == "off" else ["CLICK_SPOOL_DIR", "CLICK_ARCHIVE_DIR"]
    )
    errors: list[CheckMessage] = []
    for name in names:
        directory = Path(getattr(settings, name))
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=directory):
                pass
        except OSError as error:
            hint = f"Set {name} to a directory on a disk of this machine that this user may write to."
            message = f"{name} cannot be written: {error}."
            errors.append(Error(message, hint=hint, id="cotraffic.E063"))
    return errors


@register("cotraffic")
def check_click_settings(**_: object) -> list[CheckMessage]:
    """E050 for a CLICKS_UNWRITABLE that is none, E051 for a share of memory that is none, E052 below zero.

    E053 for an AUTOMATED_CLICKS that is none, E058 for a CLICK_ARCHIVE that is none.
    """
    errors: list[CheckMessage] = []
    if settings.CLICKS_UNWRITABLE not in UNWRITABLE:
        hint = "Set CLICKS_UNWRITABLE to answer (redirect, and count the click as lost) or refuse (503)."
        message = f"CLICKS_UNWRITABLE is {settings.CLICKS_UNWRITABLE!r}."
        errors.append(Error(message, hint=hint, id="cotraffic.E050"))
    if not 20 <= settings.CLICK_LOG_MEMORY_PERCENT <= 100:
        hint = "Set CLICK_LOG_MEMORY_PERCENT from 20 to 100; what is above it is for delivery."
        message = f"CLICK_LOG_MEMORY_PERCENT is {settings.CLICK_LOG_MEMORY_PERCENT:g}."
        errors.append(Error(message, hint=hint, id="cotraffic.E051"))
    if settings.CLICK_ARCHIVE not in SWITCH:
        hint = "Set CLICK_ARCHIVE to on (keep clicks as Parquet, too) or off."
        errors.append(Error(f"CLICK_ARCHIVE is {settings.CLICK_ARCHIVE!r}.", hint=hint, id="cotraffic.E058"))
    for name in NOT_NEGATIVE:
        if getattr(settings, name) < 0:
            hint = f"Set {name} to 0 or more."
            errors.append(Error(f"{name} is below zero.", hint=hint, id="cotraffic.E052"))
    if settings.AUTOMATED_CLICKS not in AUTOMATED:
        hint = "Set AUTOMATED_CLICKS to mark (machines' clicks count for nothing) or count (as a person's)."
        message = f"AUTOMATED_CLICKS is {settings.AUTOMATED_CLICKS!r}."
        errors.append(Error(message, hint=hint, id="cotraffic.E053"))
    return errors
