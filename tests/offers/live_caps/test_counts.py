"""What a worker knows of counts, without any Redis."""

import json
from typing import Any

from offers.live_caps.batch import BatchCounting
from offers.live_caps.counts import LiveCaps, LiveCount, turned_away
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer, parse_campaign, parse_offer
from tests.offers.live_caps.workers import campaign_blob, cap_info, capped_offer


class Catalog:
    """An offer and a campaign as a catalog has them, which counting may close."""

    def __init__(self, offer: bytes, campaign: bytes = b"", limit: int = 100) -> None:
        self.caps = LiveCaps(limit)
        self.caps.bind(self.rewrite)
        self._parse_offer = self.caps.parsed(RecipeKind.OFFERS, parse_offer)
        self.offer: Offer = self._parse_offer(json.loads(offer))
        raw = json.loads(campaign or campaign_blob())
        self.campaign: Campaign = self.caps.parsed(RecipeKind.CAMPAIGNS, parse_campaign)(raw)

    def read(self, offer: bytes) -> None:
        self.offer = self._parse_offer(json.loads(offer))

    def rewrite(self, kind: RecipeKind, _: int, change: Any) -> None:
        if kind is RecipeKind.OFFERS:
            self.offer = change(self.offer)
        else:
            self.campaign = change(self.campaign)

    def take(self) -> tuple[LiveCount, ...]:
        return self.caps.take(self.offer, self.campaign)

    def is_closed(self) -> bool:
        return self.offer.caps is not None and self.offer.caps.over_limit


def test_clicks_under_way_count() -> None:
    catalog = Catalog(capped_offer(2))
    catalog.take()
    assert not catalog.is_closed()
    catalog.take()
    assert catalog.is_closed()
    assert catalog.take() == ()


def test_clicks_of_other_workers_count_once_a_reply_tells_of_them() -> None:
    catalog = Catalog(capped_offer(10))
    batch = BatchCounting(catalog.caps, [catalog.take()])
    batch.own([9], [])
    assert not catalog.is_closed()
    catalog.take()
    assert catalog.is_closed()


def test_clicks_that_were_not_counted_go_with_the_next_batch() -> None:
    catalog = Catalog(capped_offer(10))
    lost = BatchCounting(catalog.caps, [catalog.take(), catalog.take()])
    lost.end()
    assert catalog.caps.owes
    (row,) = BatchCounting(catalog.caps, [catalog.take()]).rows
    assert (row.owed, row.places) == (2, [0])
    catalog.caps.counted([row], [3])
    assert (catalog.caps.owes, row.count.counted) == (False, 3)


def test_a_count_that_redis_has_lost_does_not_open_what_is_known() -> None:
    catalog = Catalog(capped_offer(10))
    for total in (8, 1):
        BatchCounting(catalog.caps, [catalog.take()]).own([total], [])
    catalog.take()
    assert not catalog.is_closed()
    catalog.take()
    assert catalog.is_closed()


def test_a_record_that_is_read_again_is_closed_again() -> None:
    catalog = Catalog(capped_offer(1))
    catalog.take()
    catalog.read(capped_offer(1))
    assert catalog.is_closed()
    catalog.read(capped_offer(1, name="another"))
    assert not catalog.is_closed()


def test_clicks_that_are_decided_again_are_taken_off_what_was_added() -> None:
    catalog = Catalog(capped_offer(3), campaign_blob(**cap_info(100)))
    batch = BatchCounting(catalog.caps, [catalog.take(), catalog.take()])
    # The other workers had two of the three places: the offer's count is 4 now, the campaign's 50.
    assert batch.shared(["first", "second"], [4, 50]) == ["first"]
    assert set(batch.again) == {1}
    assert [(row.count.kind.value, row.owed) for row in catalog.caps.rows([])] == [
        ("offers", -1),
        ("campaigns", -1),
    ]


def test_of_a_batch_the_first_clicks_have_the_room_that_is_left() -> None:
    catalog = Catalog(capped_offer(10))
    rows = catalog.caps.rows([catalog.take(), (), catalog.take(), catalog.take()])
    assert list(turned_away(rows, [5])) == []
    assert list(turned_away(rows, [11])) == [3]
    assert list(turned_away(rows, [40])) == [0, 2, 3]


def test_a_campaign_is_not_counted_where_its_own_cap_sends_the_click_away() -> None:
    catalog = Catalog(capped_offer(10), campaign_blob(**cap_info(1)))
    assert [count.kind for count in catalog.take()] == [RecipeKind.OFFERS, RecipeKind.CAMPAIGNS]
    assert [count.kind for count in catalog.take()] == [RecipeKind.OFFERS]


def test_only_newest_versions_are_remembered_and_no_more_than_the_limit() -> None:
    catalog = Catalog(capped_offer(10), campaign_blob(**cap_info(10)), limit=2)
    for name in "abc":
        catalog.read(capped_offer(10, name=name))
        catalog.take()
    assert len(catalog.caps.rows([catalog.take()])) == 2
    assert catalog.caps.size == 2
