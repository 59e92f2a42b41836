"""Counts over a recipe by which a damaged file is told: defects, rejections, restrictions that are gone."""

from collections.abc import Iterator

import msgspec

from offers.records import Campaign, Offer

# A restriction that fewer records have may be gone for good reasons.
FEWEST_RECORDS = 2
WHAT_IS_SET = {
    "countries": "restricted countries",
    "dates": "start and end dates",
    "caps": "caps",
    "page": "a landing page",
    "exit offer": "an exit offer",
    "closed": "a status that keeps clicks away",
    "candidates": "candidates",
    "payout": "a payout",
    "payouts by country": "payouts by country",
    "custom pages": "custom landing pages",
    "target rules": "target rules",
    "blacklisted": "a blacklisted affiliate",
    "offer": "an offer",
}


class Census(msgspec.Struct):
    """How many elements a file has, how many of them are rejected or have defects, and what records set."""

    elements: int = 0
    rejected: int = 0
    defective: int = 0
    sets: dict[str, int] = {}

    def count(self, record: Offer | Campaign) -> None:
        """Count a record that can be used."""
        self.elements += 1
        if record.defects or record.unreadable:
            self.defective += 1
        sets = self.sets
        for name in what_it_sets(record):
            sets[name] = sets.get(name, 0) + 1

    def count_rejected(self) -> None:
        """Count an element that cannot be used."""
        self.elements += 1
        self.rejected += 1


def what_it_sets(record: Offer | Campaign) -> Iterator[str]:
    """The names of what a record sets and what, if it were missing, would let clicks through or lose them."""
    if isinstance(record, Offer):
        if record.countries_restricted:
            yield "countries"
        if record.dates is not None:
            yield "dates"
        if record.landing_page is not None:
            yield "page"
        if record.exit_offer_id:
            yield "exit offer"
        if record.status == "inactive":
            yield "closed"
        if record.candidates:
            yield "candidates"
        if record.country_payouts:
            yield "payouts by country"
        if record.custom_pages:
            yield "custom pages"
    else:
        if record.campaign_status != "active":
            yield "closed"
        if record.affiliate_status == "blacklisted":
            yield "blacklisted"
        if record.rule_sets:
            yield "target rules"
        if record.offer_id:
            yield "offer"
    if record.caps is not None:
        yield "caps"
    if record.payout:
        yield "payout"


def damages(file: Census, live: Census, most_percent: float) -> list[str]:
    """What in a file looks damaged against what is live, in words; none of it may reach `most_percent`.

    A restriction counts as lost only where both its share and its number have fallen: many new records
    without one, or fewer records in all, are no damage.
    """
    found = []
    for what, now, before in (
        ("have values that cannot be read", file.defective, live.defective),
        ("cannot be used", file.rejected, live.rejected),
    ):
        share, share_before = _percent(now, file.elements), _percent(before, live.elements)
        if share - share_before > most_percent:
            found.append(
                f"{now:,} of its {file.elements:,} records {what}, {share:.1f} % "
                f"({share_before:.1f} % of those that are live)"
            )
    for name, before in live.sets.items():
        now = file.sets.get(name, 0)
        fall = _percent(before, live.elements) - _percent(now, file.elements)
        has_fallen = min(fall, _percent(before - now, live.elements)) > most_percent
        is_gone = now == 0 and before >= FEWEST_RECORDS
        if has_fallen or is_gone:
            found.append(f"{now:,} of its records set {WHAT_IS_SET.get(name, name)}, {before:,} do so live")
    return found


def _percent(count: int, of: int) -> float:
    return 100 * count / of if of else 0.0
