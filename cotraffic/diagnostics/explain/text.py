"""Formats an explanation for a terminal."""

import textwrap
from collections.abc import Iterator

from cotraffic.diagnostics.explain.result import (
    Amount,
    ExplainOutcome,
    Explanation,
    Hop,
    Named,
    RefusedExplanation,
    RuleState,
)
from cotraffic.diagnostics.words import automated_entry, redirect_type_entry, refusal_entry
from offers.live_caps.standing import LAST_KNOWN
from offers.rules.common.sentences import amount, instant

LABEL_COLUMNS = 12
INDENT = " " * 7
_MARKS = {RuleState.DECIDED: "→", RuleState.NOT_ASKED: "·"}


def lines(explanation: Explanation, columns: int = 100) -> Iterator[str]:
    """Yield the lines of an explanation, wrapped at `columns`."""
    yield from _labelled("link", _link(explanation), columns)
    if explanation.took_over:
        yield from _labelled("", explanation.took_over, columns)
    yield from _labelled("visitor", _visitor(explanation), columns)
    if explanation.automated:
        reason = str(explanation.visitor["automatedReason"])
        said = f"{automated_entry(reason).words.short} [{reason}]: {explanation.automated}"
        yield from _labelled("automated", said, columns)
    yield from _labelled("time", instant(explanation.at_ms), columns)
    yield ""
    if explanation.refused is not None:
        yield from _refused(explanation.refused, columns)
    if explanation.outcome is not None:
        yield "rules"
        for number, rule in enumerate(explanation.rules, 1):
            said = f", {rule.message}" if rule.message else ""
            yield f"  {_MARKS.get(rule.state, ' ')} {number}. {rule.title}: {rule.state}{said}"
            if rule.is_set_up:
                yield from textwrap.wrap(rule.words, columns, initial_indent=INDENT, subsequent_indent=INDENT)
        yield from _hops(explanation.hops, columns)
        yield from _caps(explanation, columns)
        yield ""
        yield from _outcome(explanation.outcome, columns)


def _labelled(label: str, text: str, columns: int) -> Iterator[str]:
    indent = " " * LABEL_COLUMNS
    first = label.ljust(LABEL_COLUMNS)
    # URLs are not wrapped, so that they can be copied.
    yield from textwrap.wrap(
        text,
        columns,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]


def _link(explanation: Explanation) -> str:
    named = [_named(found) for found in (explanation.offer, explanation.campaign) if found is not None]
    return "; ".join(named) or "names no offer and no campaign"


def _named(named: Named) -> str:
    words = filter(None, (named.title, named.name))
    return " ".join(words) + (f" ({named.standing})" if named.standing else "")


def _visitor(explanation: Explanation) -> str:
    who = explanation.visitor
    place = ", ".join(str(who[name]) for name in ("country", "region", "city", "isp") if who[name])
    device = ", ".join(str(who[name]) for name in ("deviceType", "browser", "os") if who[name])
    supposed = ""
    if explanation.looked_up_country != who["country"]:
        supposed = f" (supposed; the address is in {explanation.looked_up_country or 'no known country'})"
    return f"{who['IP'] or 'no address'}: {place or 'no known place'}{supposed}; {device}"


def _hops(hops: tuple[Hop, ...], columns: int) -> Iterator[str]:
    if not hops:
        return
    yield ""
    yield "exits followed"
    for hop in hops:
        words = f"{'→' if hop.works else '✗'} {hop.title}: {hop.message}"
        yield from textwrap.wrap(words, columns, initial_indent="  ", subsequent_indent=INDENT)
        for candidate, standing in hop.candidates.items():
            mark = "→" if hop.picked and str(hop.picked.id) == candidate else " "
            yield f"       {mark} offer {candidate}: {standing}"
        if hop.chain:
            yield f"         chain: {' → '.join(map(str, hop.chain))}"


def _caps(explanation: Explanation, columns: int) -> Iterator[str]:
    if not explanation.caps and not explanation.live_caps_problem:
        return
    yield ""
    yield "caps"
    if explanation.live_caps_problem:
        said = f"{LAST_KNOWN}: {explanation.live_caps_problem}"
        yield from textwrap.wrap(said, columns, initial_indent="  ", subsequent_indent=INDENT)
    for capped in explanation.caps:
        for line in capped.lines:
            words = f"{_named(capped.record)}: {line.text}"
            yield from textwrap.wrap(words, columns, initial_indent="  ", subsequent_indent=INDENT)


def _outcome(outcome: ExplainOutcome, columns: int) -> Iterator[str]:
    exit_target = _named(outcome.offer) if outcome.offer else "nobody: no offer is left that can"
    origin = f", instead of {_named(outcome.origin)}" if outcome.origin else ""
    words = redirect_type_entry(outcome.redirect_type, outcome.redirect_reason).words.short
    yield from _labelled("decided by", f"{outcome.winner}: {words} [{outcome.redirect_type}]", columns)
    yield from _labelled("reason", outcome.redirect_reason, columns)
    if outcome.caps_type:
        yield from _labelled("caps type", outcome.caps_type, columns)
    yield from _labelled("goes to", f"{exit_target}{origin}", columns)
    yield from _labelled("payin", _amount(outcome.payin), columns)
    yield from _labelled("payout", _amount(outcome.payout), columns)
    page = outcome.page
    yield from _labelled("page", f"{page.template} ({page.words})", columns)
    for macro in page.macros:
        yield from _labelled("", f"{macro.name} is {macro.value or 'empty'}", columns)
    yield from _labelled("location", page.location, columns)


def _amount(found: Amount) -> str:
    field = f" [{found.field}]" if found.field else ""
    return f"{amount(found.value)}, {found.words}{field}"


def _refused(refused: RefusedExplanation, columns: int) -> Iterator[str]:
    words = refusal_entry(refused.reason).words.short
    yield from _labelled("refused", f"{words} [{refused.reason}]: {refused.detail}", columns)
    yield from _labelled("to do", refused.hint, columns)
    yield from _labelled("answer", f"{refused.status}: the visitor sees {refused.visitor_sees}", columns)
