"""The type of a rule: one object a file, with everything that the rest of the project needs of it."""

from collections.abc import Callable, Mapping

import msgspec

from offers.rules.common.description import Description
from offers.rules.common.verdict import ClickContext, Passed, Verdict
from recipes.records.records import Campaign, Offer

# A part of a click -> its values that the rule treats differently from all others; None if they cannot be
# listed, so that the rule has to run for every click. Parts are the names in `parts.PARTS`, and these two,
# which have no values that could be listed:
Varies = Mapping[str, frozenset[str] | None]
TIME, OTHER_RECORDS = "time", "other records"
NOTHING: Varies = {}
ALL_TIME: Varies = {TIME: None}


class Rule(msgspec.Struct, frozen=True, eq=False):
    """A rule. All of its functions are pure: they read the click and its two records, and nothing else.

    `name` is its name in traces and in the JSON of `debug`, `title` its name for staff. `decide` answers one
    click. `inputs` returns the values that `decide` looked at, `describe` the same in a sentence or two, and
    `is_set_up` whether offer or campaign have anything for the rule to decide by.

    `describe_offer` and `describe_campaign` say what the rule does to the clicks of a record at a moment (in
    milliseconds since the epoch); a rule has those whose record it reads, at least one.

    `varies_by` returns the parts of a click that the answer depends on, for clicks on this offer and
    campaign. The decision cache keys decisions by them: if a part is missing, clicks that differ in it get
    each other's decision.
    """

    name: str
    title: str
    decide: Callable[[ClickContext], Verdict | Passed]
    inputs: Callable[[ClickContext], dict[str, object]]
    varies_by: Callable[[Offer, Campaign], Varies]
    describe: Callable[[ClickContext], str]
    is_set_up: Callable[[ClickContext], bool]
    describe_offer: Callable[[Offer, int], Description] | None = None
    describe_campaign: Callable[[Campaign, int], Description] | None = None
