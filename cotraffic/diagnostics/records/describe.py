"""Describes a record in words for staff who make offers. What a rule does to it, the rule says itself."""

from offers.admission import blocked_by
from offers.rules import RULES
from offers.rules.common.description import Description
from offers.rules.common.sentences import amount
from recipes.records.records import ZERO, Campaign, Offer, OfferStatus


def described_rules(record: Offer | Campaign, now_ms: int) -> list[tuple[str, Description]]:
    """Return the title of each rule that reads the record, with what the rule does to it, in their order."""
    if isinstance(record, Offer):
        return [(rule.title, rule.describe_offer(record, now_ms)) for rule in RULES if rule.describe_offer]
    return [(rule.title, rule.describe_campaign(record, now_ms)) for rule in RULES if rule.describe_campaign]


def standing(record: Offer | Campaign) -> str:
    """Say what keeps every click away from a record, "" if nothing does."""
    if isinstance(record, Offer):
        if record.status is OfferStatus.INACTIVE:
            return "The offer is inactive: its clicks go to the default campaign and its offer."
        return ""
    if not record.is_blocked:
        return ""
    why = blocked_by(record).detail
    return f"{why[0].upper()}{why[1:]}: every click of this campaign finds nothing."


def refused_as(record: Offer | Campaign) -> str:
    """Return the reason for which every click of a blocked campaign is refused, "" if it is none."""
    if isinstance(record, Campaign) and record.is_blocked:
        return blocked_by(record).reason.value
    return ""


def payout_words(record: Offer | Campaign) -> str:
    """Say what a click earns and costs where no rule decides otherwise."""
    if isinstance(record, Offer):
        return f"payin {amount(record.payin)}, payout {amount(record.payout)}"
    if record.payout > ZERO:
        return f"payout {amount(record.payout)}, before the offer's"
    return "the offer's payout"
