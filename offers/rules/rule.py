"""What a rule is: one object a file, with all that the rest of the house asks of it."""

from collections.abc import Callable, Mapping

import msgspec

from offers.rules.verdict import ClickContext, Passed, Verdict
from recipes.records.records import Campaign, Offer

# A part of a click -> those of its values that a rule tells apart from all others; None: more than can be
# listed, so the rule has to be asked about every click. Parts are the names in `parts.PARTS`, and:
Varies = Mapping[str, frozenset[str] | None]
TIME, OTHER_RECORDS = "time", "other records"
NOTHING: Varies = {}
ALL_TIME: Varies = {TIME: None}


class Rule(msgspec.Struct, frozen=True, eq=False):
    """A rule. All of its functions are pure: they look at the click and its two records, and at nothing else.

    `name` is what a trace and the JSON of `debug` call it, `title` what staff call it. `decide` answers one
    click, `inputs` tells what it looked at, `describe` says so in a sentence or two, and `is_set_up` whether
    offer or campaign bring anything for it. `varies_by` names what its answer depends on for clicks on
    an offer and campaign. Remembered decisions are told apart by it: where it leaves a part out, clicks that
    differ in this part get each other's decision.
    """

    name: str
    title: str
    decide: Callable[[ClickContext], Verdict | Passed]
    inputs: Callable[[ClickContext], dict[str, object]]
    varies_by: Callable[[Offer, Campaign], Varies]
    describe: Callable[[ClickContext], str]
    is_set_up: Callable[[ClickContext], bool]
