"""One worker's live counts: the last totals from Redis, and this worker's clicks that are not in them yet.

A record whose count has reached a limit is closed: the catalog gets a copy of it that is over its limit, so
that rules, exits and cached decisions need not know of counting. It stays closed until a new version of it
comes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import msgspec

from offers.live_caps.versions import Record, closed, versioned
from recipes.records.kinds import RecipeKind
from recipes.records.parts import Caps
from recipes.records.records import Campaign, Offer

# Replaces the cached record of an id by what the function makes of it.
Rewrite = Callable[[RecipeKind, int, Callable[[Any], Any]], object]


class LiveCount(msgspec.Struct, eq=False):
    """The clicks of one version of a record; `room` of them reach its limit.

    `total` is the count in Redis, over all workers. `under_way` clicks of this worker are being written;
    `owed` clicks were answered and have to be added to the total (if negative: subtracted).
    """

    name: str
    kind: RecipeKind
    record_id: int
    room: int
    total: int = 0
    under_way: int = 0
    owed: int = 0

    @property
    def counted(self) -> int:
        """All known clicks, those under way included."""
        return self.total + self.under_way + self.owed


# The counts that include a click: of its offer and of its campaign.
Taken = tuple[LiveCount, ...]


class CountRow(msgspec.Struct, frozen=True, eq=False):
    """What a batch adds to one count: the owed clicks, and the clicks at `places` of the batch."""

    count: LiveCount
    owed: int
    places: list[int]


class LiveCaps:
    """The live counts of the newest versions of up to `limit` records; beyond, the first ones are evicted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, LiveCount] = {}
        self._newest: dict[tuple[RecipeKind, int], str] = {}
        self._owing: dict[str, LiveCount] = {}
        self._rewrite: Rewrite = _nothing

    @property
    def size(self) -> int:
        """The number of counts in memory."""
        return len(self._counts)

    def bind(self, rewrite: Rewrite) -> None:
        """Set the function that replaces records in the catalog."""
        self._rewrite = rewrite

    def parsed(
        self, kind: RecipeKind, parse: Callable[[dict[str, object]], Record]
    ) -> Callable[[dict[str, object]], Record]:
        """Return a `parse` whose records know their counts, and are closed if these are full."""

        def parse_version(raw: dict[str, object]) -> Record:
            record = versioned(kind, parse(raw), raw)
            known = self._counts.get(record.caps.counted_as) if record.caps else None
            return closed(record, known.counted if known else 0) if record.caps else record

        return parse_version

    def take(self, offer: Offer | None, campaign: Campaign) -> Taken:
        """Count a click for the offer that takes it and for its campaign, before it is written.

        A campaign that is over its limit takes no click: those that its caps send away are not its own.
        """
        of_offer = offer.caps if offer is not None else None
        taken: Taken = ()
        if of_offer is None and campaign.caps is None:
            return taken
        for caps in (of_offer, campaign.caps):
            # What is over its limit takes no click; every click comes here, so nothing is called needlessly.
            if caps is not None and caps.counted_as and not caps.over_limit:
                count = self._counts.get(caps.counted_as) or self._add(caps)
                count.under_way += 1
                if count.total + count.under_way + count.owed >= count.room:
                    self._close_if_full(count)
                taken += (count,)
        return taken

    @property
    def owes(self) -> bool:
        """Whether there are clicks that Redis has not counted and no batch carries."""
        return bool(self._owing)

    def rows(self, batch: Sequence[Taken]) -> list[CountRow]:
        """Return what a batch adds to each count, owed clicks included."""
        rows = {count.name: CountRow(count, count.owed, []) for count in self._owing.values()}
        for place, taken in enumerate(batch):
            for count in taken:
                row = rows.get(count.name)
                if row is None:
                    rows[count.name] = row = CountRow(count, 0, [])
                row.places.append(place)
        return list(rows.values())

    def counted(self, rows: Iterable[CountRow], totals: Iterable[int]) -> None:
        """Note that Redis has counted a batch, with the new totals."""
        for row, total in zip(rows, totals, strict=True):
            count = row.count
            # A total below the last one means that Redis has lost its counts: keep the higher one.
            count.total = max(count.total, total)
            self._settle(row, -row.owed)
            self._close_if_full(count)

    def not_counted(self, rows: Iterable[CountRow]) -> None:
        """Note that Redis has not counted a batch: its clicks are owed, and go with the next."""
        for row in rows:
            self._settle(row, len(row.places))

    def give_back(self, taken: Taken) -> None:
        """Note that a counted click is decided again, so that the next batch subtracts it."""
        for count in taken:
            self._owe(count, -1)

    def learn(self, totals: Iterable[tuple[Caps, int]]) -> None:
        """Take over what was read from Redis of some records."""
        for caps, total in totals:
            count = self._counts.get(caps.counted_as) or self._add(caps)
            count.total = max(count.total, total)
            self._close_if_full(count)

    def known(self, name: str) -> int:
        """Return the clicks of a count that this worker knows of."""
        count = self._counts.get(name)
        return count.counted if count is not None else 0

    def _settle(self, row: CountRow, owed: int) -> None:
        row.count.under_way -= len(row.places)
        self._owe(row.count, owed)

    def _owe(self, count: LiveCount, clicks: int) -> None:
        count.owed += clicks
        if count.owed:
            self._owing[count.name] = count
        else:
            self._owing.pop(count.name, None)

    def _add(self, caps: Caps) -> LiveCount:
        kind, record_id, _ = caps.counted_as.split(":")
        tightest = caps.tightest
        room = tightest.left if tightest is not None else 0
        count = LiveCount(caps.counted_as, RecipeKind(kind), int(record_id), room)
        self._forget(count.kind, count.record_id)
        self._counts[count.name], self._newest[count.kind, count.record_id] = count, count.name
        if len(self._counts) > self._limit:
            self._forget(*next(iter(self._newest)))
        return count

    def _forget(self, kind: RecipeKind, record_id: int) -> None:
        name = self._newest.pop((kind, record_id), None)
        if name is not None:
            del self._counts[name]

    def _close_if_full(self, count: LiveCount) -> None:
        if count.counted >= count.room:
            self._rewrite(count.kind, count.record_id, partial(_closed_version, count))


def turned_away(rows: Iterable[CountRow], totals: Iterable[int]) -> Iterator[int]:
    """Yield the places of clicks for which a count had no room, given the totals after adding them.

    Of a batch the first ones have the room that there was before it.
    """
    for row, total in zip(rows, totals, strict=True):
        room = row.count.room - (total - len(row.places))
        yield from islice(row.places, max(0, room), None)


def _closed_version(count: LiveCount, record: Any) -> Any:
    is_it = record.caps is not None and record.caps.counted_as == count.name
    return closed(record, count.counted) if is_it else record


def _nothing(_: RecipeKind, __: int, ___: Callable[[Any], Any]) -> None:
    return None
