"""An explanation of one click: what was asked, what each rule said, who takes the click, and for how much.

Values only, ready for a page, a terminal or JSON; `explain.py` beside this file makes them.
"""

from decimal import Decimal
from typing import Any

import msgspec

DECIDED, PASSED, NOT_ASKED = "decided", "passed", "not asked"
_STEP_TITLES = {"pick": "pick in aggregated", "exit": "exit to", "default offer": "default"}


class Named(msgspec.Struct, frozen=True):
    """A record in an explanation. `kind` is "offers" or "campaigns"; unknown `name` and `standing` are ""."""

    kind: str
    id: int
    name: str = ""
    standing: str = ""

    @property
    def title(self) -> str:
        """The record in a sentence."""
        return f"{self.kind.removesuffix('s')} {self.id}"


class RuleSeen(msgspec.Struct, frozen=True):
    """One rule: its name in a trace and its title, what it looked at (as values, and in words), what it said.

    `state` is "decided", "passed" or, after one that decided, "not asked"; then the rest is empty.
    `is_set_up`: offer or campaign have something for it to decide by.
    """

    rule: str
    title: str
    state: str
    words: str = ""
    said: str = ""
    looked_at: dict[str, Any] = {}
    is_set_up: bool = False


class Hop(msgspec.Struct, frozen=True):
    """One step of a click on its way out of its offer.

    `step` is "pick" (`offer` is aggregated, `picked` has its turn among `candidates`), "detected exit",
    "exit chain", "exit", "default offer" or "last resort"; `works` says whether the click could go on there.
    """

    step: str
    said: str
    works: bool
    offer: Named | None = None
    picked: Named | None = None
    candidates: dict[str, str] = {}
    chain: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """The step in a heading."""
        about = f"offer {self.offer.id} {self.offer.name}".rstrip() if self.offer else ""
        return f"{_STEP_TITLES.get(self.step, self.step)} {about}".rstrip()


class Amount(msgspec.Struct, frozen=True):
    """An amount, in words where it came from, and the record (and its field) to change it in."""

    value: Decimal
    words: str
    source: Named | None = None
    field: str = ""


class Filled(msgspec.Struct, frozen=True):
    """A macro or an added parameter, and what this click has for it."""

    name: str
    value: str


class PageInputs(msgspec.Struct, frozen=True):
    """The final URL: `template` as the recipe (or a setting) has it, filled, and as the visitor gets it."""

    template: str
    words: str
    source: Named | None
    macros: tuple[Filled, ...]
    filled: str
    added: tuple[Filled, ...]
    location: str


class ExplainOutcome(msgspec.Struct, frozen=True):
    """A redirect: the rule that won, who takes the click (None: nobody is left), and from whom."""

    winner: str
    redirect_type: str
    redirect_reason: str
    caps_type: str | None
    offer: Named | None
    origin: Named | None
    payin: Amount
    payout: Amount
    page: PageInputs


class RefusedExplanation(msgspec.Struct, frozen=True):
    """A refusal: its reason, the details, what to do about it, and what the visitor sees instead."""

    reason: str
    detail: str
    hint: str
    status: int
    visitor_sees: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one click. Exactly one of `outcome` and `refused` is set.

    `offer` and `campaign` are those that the link names (None: it names none), and `took_over` tells when the
    default campaign stands in for them. `looked_up_country` is the address's own, whatever was supposed.
    `at_ms` is the moment supposed, in milliseconds since the epoch.
    """

    at_ms: int
    offer: Named | None
    campaign: Named | None
    took_over: str
    visitor: dict[str, Any]
    looked_up_country: str | None
    rules: tuple[RuleSeen, ...]
    hops: tuple[Hop, ...]
    outcome: ExplainOutcome | None
    refused: RefusedExplanation | None
    recipe_version: int
    record: dict[str, Any] | None
