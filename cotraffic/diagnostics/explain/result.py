"""An explanation of one click: its link, the answer of each rule, the offer that takes it, the amounts.

Values only, ready for a page, a terminal or JSON; `explain.py` beside this file makes them.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from cotraffic.diagnostics.caps import CapLine
from offers.live_caps.standing import LimitStanding

COUNTS_FOR_NOTHING = (
    "its click is answered and written, but sends no conversion message, is no unique visit, takes no turn "
    "and fills no cap"
)
_STEP_TITLES = {"pick": "pick in aggregated", "exit": "exit to", "default offer": "default"}


class RuleState(StrEnum):
    """What a rule did with the click; rules after the one that decided are not asked."""

    DECIDED = "decided"
    PASSED = "passed"
    NOT_ASKED = "not asked"


class Named(msgspec.Struct, frozen=True):
    """A record in an explanation. `kind` is "offers" or "campaigns"; unknown `name` and `standing` are ""."""

    kind: str
    id: int
    name: str = ""
    standing: str = ""

    @property
    def title(self) -> str:
        """The name of the record in a sentence."""
        return f"{self.kind.removesuffix('s')} {self.id}"


class RuleSeen(msgspec.Struct, frozen=True):
    """One rule: its name in a trace, its title, its inputs (as values, and in words) and its answer.

    If it was not asked, the rest is empty. `is_set_up`: offer or campaign have something for it to decide by.
    """

    rule: str
    title: str
    state: RuleState
    words: str = ""
    message: str = msgspec.field(default="", name="said")
    inputs: dict[str, object] = msgspec.field(default_factory=dict, name="looked_at")
    is_set_up: bool = False


class Hop(msgspec.Struct, frozen=True):
    """One step of a click on its way out of its offer.

    `step` is "pick" (`offer` is aggregated, `picked` has its turn among `candidates`), "detected exit",
    "exit chain", "exit", "default offer" or "last resort"; `works` says whether the click could go on there.
    """

    step: str
    message: str = msgspec.field(name="said")
    works: bool
    offer: Named | None = None
    picked: Named | None = None
    candidates: dict[str, str] = {}
    chain: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """The step as a heading."""
        about = f"offer {self.offer.id} {self.offer.name}".rstrip() if self.offer else ""
        return f"{_STEP_TITLES.get(self.step, self.step)} {about}".rstrip()


class Amount(msgspec.Struct, frozen=True):
    """An amount, its origin in words, and the record and field where it can be changed."""

    value: Decimal
    words: str
    source: Named | None = None
    field: str = ""


class Filled(msgspec.Struct, frozen=True):
    """A macro or an added parameter, with its value for this click."""

    name: str
    value: str


class PageInputs(msgspec.Struct, frozen=True):
    """The final URL: `template` of the recipe or a setting, `filled`, and `location` for the visitor."""

    template: str
    words: str
    source: Named | None
    macros: tuple[Filled, ...]
    filled: str
    added: tuple[Filled, ...]
    location: str


class ExplainOutcome(msgspec.Struct, frozen=True):
    """A redirect: the rule that decided, the offer that takes the click (None: none), the offer it left."""

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
    """A refusal: its reason, the details, what to do about it, and what the visitor sees."""

    reason: str
    detail: str
    hint: str
    status: int
    visitor_sees: str


class CappedRecord(msgspec.Struct, frozen=True):
    """A record whose clicks are counted live, and how each of its limits stands."""

    record: Named
    limits: tuple[LimitStanding, ...]


class CapsInWords(msgspec.Struct, frozen=True):
    """A record with caps, and how each of its limits stands, in words."""

    record: Named
    lines: tuple[CapLine, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The explanation. Exactly one of `outcome` and `refused` is set.

    `offer` and `campaign` are those in the link (None: it has none); `took_over` says so if the default
    campaign took their place. `looked_up_country` is that of the address, whatever country was supposed.
    `live_caps_problem` says why live counts are only what this worker knew last, "" where they are not.
    `at_ms` is the moment of the click, in milliseconds since the epoch.
    """

    at_ms: int
    offer: Named | None
    campaign: Named | None
    took_over: str
    visitor: dict[str, object]
    looked_up_country: str | None
    rules: tuple[RuleSeen, ...]
    hops: tuple[Hop, ...]
    outcome: ExplainOutcome | None
    refused: RefusedExplanation | None
    recipe_version: int
    live_caps: tuple[CappedRecord, ...] = ()
    live_caps_problem: str = ""
    caps: tuple[CapsInWords, ...] = ()
    record: dict[str, object] | None

    @property
    def automated(self) -> str:
        """What follows from the visitor being no person, in words; "" if it may be one."""
        return COUNTS_FOR_NOTHING if self.visitor["automatedReason"] else ""
