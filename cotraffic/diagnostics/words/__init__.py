"""Stored codes in words, as every page shows them: redirect types, refusals, what made automated clicks.

The reference page lists all of them; `tests/cotraffic/diagnostics/test_words.py` fails when one is missing.
"""

from cotraffic.diagnostics.words.automated import AUTOMATED
from cotraffic.diagnostics.words.entry import ReferenceEntry, Words
from cotraffic.diagnostics.words.redirect_types import OWN_TYPE, REDIRECT_TYPES
from cotraffic.diagnostics.words.refusals import REFUSALS
from offers.rules.common.redirect_type import RedirectType

__all__ = [
    "ReferenceEntry",
    "Words",
    "automated_entry",
    "automated_reasons",
    "redirect_type_entry",
    "redirect_type_words",
    "redirect_types",
    "refusal_entry",
    "refusals",
]
_OWN_ANCHOR = "redirect-own"
_TYPES = {
    type.value: ReferenceEntry(type.value, words, f"redirect-{type.value}")
    for type, words in REDIRECT_TYPES.items()
}
_REFUSALS = {
    reason.value: ReferenceEntry(
        reason.value, words, f"refused-{reason.name.lower().replace('_', '-')}", reason.name.lower()
    )
    for reason, words in REFUSALS.items()
}
_AUTOMATED = {
    reason.value: ReferenceEntry(reason.value, words, f"automated-{reason.name.lower().replace('_', '-')}")
    for reason, words in AUTOMATED.items()
}
_EXIT_TO_AGGREGATED = RedirectType.EXIT_TO_AGGREGATED.value


def redirect_types() -> list[ReferenceEntry]:
    """Return the redirect types in the order in which rules are asked; last, that of a record's own."""
    return [*_TYPES.values(), ReferenceEntry("any other text", OWN_TYPE, _OWN_ANCHOR)]


def refusals() -> list[ReferenceEntry]:
    """Return the reasons to refuse a link."""
    return list(_REFUSALS.values())


def automated_reasons() -> list[ReferenceEntry]:
    """Return the reasons to call a click automated."""
    return list(_AUTOMATED.values())


def redirect_type_entry(code: str, reason: str = "") -> ReferenceEntry:
    """Return the entry for a stored redirect type; one of a record's own is shown as it is.

    With the redirect `reason`, an exit to an aggregated offer says as well why the click left.
    """
    found = _TYPES.get(code)
    if found is None:
        own = Words(code or "none", OWN_TYPE.meaning, OWN_TYPE.to_do, OWN_TYPE.change)
        return ReferenceEntry(code, own, _OWN_ANCHOR)
    cause = _TYPES.get(reason.partition(":")[0]) if code == _EXIT_TO_AGGREGATED else None
    if cause is None:
        return found
    words, why = found.words, cause.words
    # What comes after an arrow is where it went in the end, which the type says.
    short = words.short.replace("exit", why.short.partition(" →")[0], 1)
    return ReferenceEntry(
        code, Words(short, f"{why.meaning} {words.meaning}", why.to_do, why.change), found.anchor
    )


def redirect_type_words(code: str) -> Words:
    """Return the words for a stored redirect type; one of a record's own is shown as it is."""
    return redirect_type_entry(code).words


def refusal_entry(reason: str) -> ReferenceEntry:
    """Return the entry for a reason to refuse a link; one that this version does not know, as it is."""
    return _REFUSALS.get(reason) or ReferenceEntry(reason, Words(reason, "", "", ""), "refused")


def automated_entry(reason: str) -> ReferenceEntry:
    """Return the entry for what made an automated click; one that this version does not know, as it is."""
    return _AUTOMATED.get(reason) or ReferenceEntry(reason, Words(reason, "", "", ""), "automated")
