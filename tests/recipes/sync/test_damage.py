"""A whole recipe with one field changed in type, spelling or name: it is held back, or it lets nobody in."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cotraffic.diagnostics.preview.simulate import RecipeView, SimulatedOutcome, outcome
from devstack.demo import DEFAULT_CAMPAIGN_ID, DEFAULT_OFFER_ID, demo_campaigns, demo_offers
from offers.routing.decision import Defaults
from recipes.file.json_stream import RecipeRejected
from recipes.file.load import Loaded, load
from recipes.records.census import Census, damages
from recipes.records.kinds import RecipeKind
from tests.offers.builders import DEFAULTS, NOW_MS
from tests.recipes.mutated_types import Record, fields_of, mutations

# All of the showcase, and of the catalogue, which repeats itself, a part.
RECORDS: dict[RecipeKind, list[Record]] = {
    RecipeKind.OFFERS: demo_offers("https://pages.example")[:60],
    RecipeKind.CAMPAIGNS: demo_campaigns()[:60],
}
COUNTRIES = ("US", "GB", "CN", None)
DEFAULT = Defaults(DEFAULT_OFFER_ID, DEFAULT_CAMPAIGN_ID, DEFAULTS.page)
MAX_RISE_PERCENT = 5.0
Blobs = dict[int, bytes]


class LiveBlobs:
    """What is live, in memory."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def get(self, ids: list[int]) -> Blobs:
        """The live ones of these records."""
        return {record_id: self._blobs[record_id] for record_id in ids if record_id in self._blobs}

    def ids(self) -> Iterator[set[int]]:
        """The ids of every live record."""
        yield set(self._blobs)


def blobs_of(kind: RecipeKind) -> Blobs:
    return {raw[kind.id_field]: json.dumps(raw).encode() for raw in RECORDS[kind]}


LIVE = {kind: blobs_of(kind) for kind in RecipeKind}


def loaded(kind: RecipeKind, records: list[Record], path: Path, live: Blobs) -> tuple[Loaded, Blobs]:
    path.write_bytes(gzip.compress(json.dumps(records).encode(), 1))
    added: Blobs = {}
    return load(kind, path, added.update, lambda _: None, live=LiveBlobs(live)), added


def outcomes(offers: Blobs, campaigns: Blobs) -> Iterator[tuple[Record, SimulatedOutcome]]:
    """Where every link of the recipe leads visitors from some countries."""
    view = RecipeView(offers.get, campaigns.get)
    for raw in RECORDS[RecipeKind.CAMPAIGNS]:
        for country in COUNTRIES:
            click: dict[str, Any] = {"lid": "1", "offerId": raw["offerId"], "campaignId": raw["campaignId"]}
            yield raw, outcome(click | {"country": country}, view, DEFAULT, NOW_MS)


BEFORE = list(outcomes(LIVE[RecipeKind.OFFERS], LIVE[RecipeKind.CAMPAIGNS]))


def let_in(kind: RecipeKind, blobs: Blobs) -> list[tuple[Record, SimulatedOutcome, SimulatedOutcome]]:
    """The clicks that were refused or sent on, and are taken now by the offer that did not take them."""
    now = {**LIVE, kind: blobs}
    after = outcomes(now[RecipeKind.OFFERS], now[RecipeKind.CAMPAIGNS])
    return [
        (raw, before, then)
        for (raw, before), (_, then) in zip(BEFORE, after, strict=True)
        if (then.offer_id and not before.offer_id)
        or (then.offer_id == raw["offerId"] and before.offer_id != raw["offerId"])
    ]


def census_of(kind: RecipeKind, path: Path) -> Census:
    return loaded(kind, RECORDS[kind], path, {})[0].census


CASES = [(kind, field) for kind in RecipeKind for field in fields_of(RECORDS[kind])]


@pytest.mark.parametrize(("kind", "field"), CASES, ids=[f"{kind}-{field}" for kind, field in CASES])
def test_a_file_with_a_changed_field_is_held_back_or_lets_nobody_in(
    tmp_path: Path, kind: RecipeKind, field: str
) -> None:
    before = census_of(kind, tmp_path / "live.gz")
    for mutation in mutations(RECORDS[kind], field):
        try:
            account, added = loaded(kind, mutation.records, tmp_path / "new.gz", LIVE[kind])
        except RecipeRejected:
            continue
        held = damages(account.census, before, MAX_RISE_PERCENT)
        assert held or not let_in(kind, added), mutation.change


def test_the_recipe_as_it_is_looks_like_itself(tmp_path: Path) -> None:
    for kind in RecipeKind:
        census = census_of(kind, tmp_path / "live.gz")
        assert damages(census, census, 0.0) == []
        assert not let_in(kind, LIVE[kind])


def test_a_restriction_that_is_gone_would_let_somebody_in() -> None:
    kind = RecipeKind.OFFERS
    blobs = {
        raw[kind.id_field]: json.dumps({**raw, "countriesRestrictions": None}).encode()
        for raw in RECORDS[kind]
    }
    assert let_in(kind, blobs)


def census(elements: int, **counts: int) -> Census:
    return Census(elements, counts.pop("rejected", 0), counts.pop("defective", 0), counts)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (census(100, defective=6), census(100)),
        (census(100, rejected=6), census(100)),
        (census(100, countries=14), census(100, countries=20)),
        (census(100), census(100, dates=1)),
        (census(1000, defective=160), census(100, defective=10)),
    ],
)
def test_what_looks_damaged(now: Census, before: Census) -> None:
    assert len(damages(now, before, MAX_RISE_PERCENT)) == 1


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (census(100, defective=5), census(100)),
        (census(100, countries=15), census(100, countries=20)),
        (census(1000, countries=20), census(100, countries=20)),
        (census(50, countries=10), census(100, countries=20)),
        (census(100, countries=90), census(100, countries=20)),
        (census(100), census(100, **{"candidate limits": 30})),
    ],
)
def test_what_does_not(now: Census, before: Census) -> None:
    assert damages(now, before, MAX_RISE_PERCENT) == []
