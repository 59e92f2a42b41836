"""The offers that a record refers to, and by which of its fields."""

from enum import IntEnum

from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer


class Relation(IntEnum):
    """A way in which a record uses an offer. Index files hold these numbers, and have room for 7."""

    CAMPAIGN = 1
    EXIT = 2
    CANDIDATE = 3
    OFFER_CAPS = 4
    CAMPAIGN_CAPS = 5
    TARGET = 6
    DETECTED = 7

    @property
    def kind(self) -> RecipeKind:
        """The kind of the records that use an offer in this way."""
        is_campaign = self in (Relation.CAMPAIGN, Relation.CAMPAIGN_CAPS, Relation.TARGET)
        return RecipeKind.CAMPAIGNS if is_campaign else RecipeKind.OFFERS


def references(record: Offer | Campaign) -> set[tuple[Relation, int]]:
    """Return every offer that a record refers to, and how."""
    if isinstance(record, Campaign):
        found = {(Relation.CAMPAIGN, record.offer_id)}
        for rule_set in record.rule_sets:
            found.add((Relation.TARGET, rule_set.redirect_to))
        if record.caps is not None:
            found.add((Relation.CAMPAIGN_CAPS, record.caps.redirect_offer_id))
    else:
        found = {(Relation.EXIT, record.exit_offer_id)}
        if record.detected_exit_id:
            found.add((Relation.DETECTED, record.detected_exit_id))
        for candidate in record.candidates:
            found.add((Relation.CANDIDATE, candidate.offer_id))
        if record.caps is not None:
            found.add((Relation.OFFER_CAPS, record.caps.redirect_offer_id))
    return found
