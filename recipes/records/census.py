"""Counts over a recipe that show a damaged file: defects, rejections, restrictions that are gone."""

import msgspec

from recipes.records.records import Campaign, Offer

# These come and go by themselves, at midnight with the caps: that all of them are gone is no sign of damage.
OF_THE_MOMENT = frozenset({"candidate limits"})
WORDS = {
    "status": "a status that keeps clicks away",
    "page": "a landing page",
    "exit offer": "an exit offer",
    "countries": "restricted countries",
    "custom pages": "landing pages by country",
    "dates": "dates",
    "country payouts": "payouts by country",
    "caps": "caps",
    "caps exit": "an exit of their caps",
    "candidates": "candidates",
    "affiliateStatus": "a status of the affiliate",
    "blacklisted": "a blacklisted affiliate",
    "payout": "a payout",
    "target rules": "target rules",
    "including rules": "target rules that include",
}


class Census(msgspec.Struct):
    """How many elements a file has, how many are rejected or have defects, and which restrictions are set.

    `elements` includes live records that stay because the file lacks them, and excludes what is no record.
    `sets` counts records by the names of their `restrictions`. `stayed` counts the live records that stay in
    place of a rejected element; each pair of these is one of `elements`.
    """

    elements: int = 0
    rejected: int = 0
    defective: int = 0
    sets: dict[str, int] = {}
    stayed: int = 0

    def count(self, record: Offer | Campaign) -> None:
        """Count a usable record."""
        self.elements += 1
        if record.defects:
            self.defective += 1
        self._count_restrictions(record)

    def count_stayed(self, live: Offer | Campaign | None, *, is_rejected: bool) -> None:
        """Count a record that stays live; None if it cannot be read.

        `is_rejected` tells that the file has a rejected version of it, which is among the elements already.
        """
        if is_rejected:
            self.stayed += 1
        else:
            # Its restrictions count below, so it must count among those that they are a share of.
            self.elements += 1
        if live is not None:
            self._count_restrictions(live)

    def count_rejected(self) -> None:
        """Count an element that is not a usable record."""
        self.elements += 1
        self.rejected += 1

    def _count_restrictions(self, record: Offer | Campaign) -> None:
        sets = self.sets
        for name in record.restrictions:
            sets[name] = sets.get(name, 0) + 1


def damages(file: Census, live: Census, most_percent: float) -> list[str]:
    """Describe what looks damaged in a file compared with what is live: counts that rose or fell too much.

    A restriction counts as lost if no record has it any more, or if both its share and its number have
    fallen: many new records without one, or fewer records in all, are no damage.
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
    for name, before in sorted(live.sets.items()):
        if name in OF_THE_MOMENT:
            continue
        now = file.sets.get(name, 0)
        fall = _percent(before, live.elements) - _percent(now, file.elements)
        if now == 0 or min(fall, _percent(before - now, live.elements)) > most_percent:
            found.append(f"{now:,} of its records have {WORDS.get(name, name)}, {before:,} of those live")
    return found


def _percent(count: int, of: int) -> float:
    return 100 * count / of if of else 0.0
