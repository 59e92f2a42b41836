"""Formats a comparison for a terminal."""

from collections.abc import Iterator

from cotraffic.diagnostics.compare.compare import ClickComparison, ComparedClick, ComparedGroup, Difference
from cotraffic.diagnostics.words import ReferenceEntry, redirect_type_entry, refusal_entry

SHOWN_GROUPS = 20
WORDS = {
    Difference.REFUSED: "would be refused",
    Difference.ELSEWHERE: "would go elsewhere",
    Difference.OFFER: "would be booked on another offer",
    Difference.PAID: "would be paid otherwise",
    Difference.UNIQUE: "would count otherwise as unique",
}


def comparison_text(found: ClickComparison) -> Iterator[str]:
    """Return the lines of a comparison: totals, then the groups with examples."""
    times = f", clicked from {found.first_at} to {found.last_at}" if found.first_at else ""
    yield f"{found.clicks:,} clicks{times}"
    for words, count in (
        ("the same", found.same),
        ("would be refused", found.refused),
        ("would go elsewhere", found.elsewhere),
        ("would be booked on another offer", found.another_offer),
        ("would be paid otherwise", found.paid_otherwise),
        ("would count otherwise as unique", found.unique_otherwise),
        ("cannot be read", found.unreadable),
    ):
        yield f"{words:<34}{count:>12,}{_share(count, found.clicks):>9}"
    if found.unique_unknown:
        yield f"Of the same, {found.unique_unknown:,} are too early in the clicks to be known as unique."
    for group in found.groups[:SHOWN_GROUPS]:
        yield ""
        yield from _group(group)
    if len(found.groups) > SHOWN_GROUPS:
        yield ""
        yield f"… and {len(found.groups) - SHOWN_GROUPS:,} more groups: --json has all of them."


def _group(group: ComparedGroup) -> Iterator[str]:
    yield f"{group.count:,} {WORDS[group.difference]}{_rules(group)}"
    for example in group.examples:
        yield from _example(example)


def _rules(group: ComparedGroup) -> str:
    """Return the rules of either side in words, each with its stored code, "" where none decided."""
    if not group.our_rule:
        return ""
    is_refused = group.difference is Difference.REFUSED
    ours = refusal_entry(group.our_rule) if is_refused else redirect_type_entry(group.our_rule)
    theirs = _named(redirect_type_entry(group.their_rule)) if group.their_rule else "no rule"
    here = "the same" if group.our_rule == group.their_rule else _named(ours)
    return f": {theirs} there, {here} here"


def _named(entry: ReferenceEntry) -> str:
    return entry.code if entry.words.short == entry.code else f"{entry.words.short} ({entry.code})"


def _example(click: ComparedClick) -> Iterator[str]:
    country = f" from {click.country}" if click.country else ""
    yield f"  {click.lid}  {click.clicked_at}  offer {click.offer_id}, campaign {click.campaign_id}{country}"
    yield f"    there: {click.theirs}"
    yield f"    here:  {click.ours}"


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.2f} %" if total else ""
