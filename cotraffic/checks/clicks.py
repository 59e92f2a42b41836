"""System checks of the settings that say where clicks are kept."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

UNWRITABLE = ("answer", "refuse")
NOT_NEGATIVE = (
    "CLICK_SPOOL_RESERVE_BYTES",
    "CLICK_LOG_KEEP",
    "CLICK_LOG_KEEP_BYTES",
    "DEAD_LETTERS_KEEP",
    "DEAD_LETTERS_KEEP_BYTES",
)


@register("cotraffic")
def check_click_settings(**_: Any) -> list[CheckMessage]:
    """E050 for a CLICKS_UNWRITABLE that is none, E051 for a share of memory that is none, E052 below zero."""
    errors: list[CheckMessage] = []
    if settings.CLICKS_UNWRITABLE not in UNWRITABLE:
        hint = "Set CLICKS_UNWRITABLE to answer (redirect, and count the click as lost) or refuse (503)."
        message = f"CLICKS_UNWRITABLE is {settings.CLICKS_UNWRITABLE!r}."
        errors.append(Error(message, hint=hint, id="cotraffic.E050"))
    if not 20 <= settings.CLICK_LOG_MEMORY_PERCENT <= 100:
        hint = "Set CLICK_LOG_MEMORY_PERCENT from 20 to 100; what is above it is for delivery."
        message = f"CLICK_LOG_MEMORY_PERCENT is {settings.CLICK_LOG_MEMORY_PERCENT:g}."
        errors.append(Error(message, hint=hint, id="cotraffic.E051"))
    for name in NOT_NEGATIVE:
        if getattr(settings, name) < 0:
            hint = f"Set {name} to 0 or more."
            errors.append(Error(f"{name} is below zero.", hint=hint, id="cotraffic.E052"))
    return errors
