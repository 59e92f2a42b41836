"""What a record says of others: the offers it points at, and by which of its fields."""

from enum import IntEnum

from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer


class Relation(IntEnum):
    """How a record uses an offer. The numbers are kept in index files; at most 7 fit."""

    CAMPAIGN = 1
    EXIT = 2
    CANDIDATE = 3
    OFFER_CAPS = 4
    CAMPAIGN_CAPS = 5
    TARGET = 6
    DETECTED = 7

    @property
    def kind(self) -> RecipeKind:
        """The kind of the records that use an offer so."""
        is_campaign = self in (Relation.CAMPAIGN, Relation.CAMPAIGN_CAPS, Relation.TARGET)
        return RecipeKind.CAMPAIGNS if is_campaign else RecipeKind.OFFERS


def references(record: Offer | Campaign) -> set[tuple[Relation, int]]:
    """Every offer that a record points at, and how."""
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
