"""Notes the caps of all records that a decision looks at."""

from typing import TypeVar

from offers.catalog.record_cache import RecordSource
from recipes.records.parts import Caps
from recipes.records.records import Campaign, Offer

Record = TypeVar("Record", Offer, Campaign)


class NotedCaps:
    """A `RecordSource` over another one; `caps` are those that are counted live, by their counts' names."""

    def __init__(self, records: RecordSource, caps: dict[str, Caps]) -> None:
        self._records = records
        self._caps = caps

    def offer(self, offer_id: int) -> Offer | None:
        """Return the offer of this id. Raises `CacheMiss`."""
        return self._noted(self._records.offer(offer_id))

    def campaign(self, campaign_id: int) -> Campaign | None:
        """Return the campaign of this id. Raises `CacheMiss`."""
        return self._noted(self._records.campaign(campaign_id))

    def _noted(self, record: Record | None) -> Record | None:
        if record is not None and record.caps is not None and record.caps.counted_as:
            self._caps[record.caps.counted_as] = record.caps
        return record
