"""What the stand-in makes of its records, with the habits of the real co-recipe."""

from pathlib import Path
from typing import Any

import pytest

from devstack.demo import demo_offers
from devstack.recalculation import Recalculation, all_recalculated, size_estimate
from devstack.truth import FILE_NAME, Truth

PAGES = "http://localhost:5002"
RUNNING = {"startDate": "2021-01-01T00:00:00.000Z", "endDate": "2099-01-01T00:00:00.000Z"}
ENDED = {"startDate": "2021-01-01T00:00:00.000Z", "endDate": "2022-01-01T00:00:00.000Z"}


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    return Truth.seeded(tmp_path / FILE_NAME, PAGES)


def rows(truth: Truth, offer_id: int) -> dict[int, dict[str, Any]]:
    body = Recalculation(truth).update("offer", offer_id)
    assert isinstance(body, dict)
    return {row["aggregatedOfferId"]: row for row in body["offersAggregatedIds"]}


@pytest.mark.parametrize(("setting", "flag"), [(RUNNING, True), (ENDED, False)])
def test_the_flag_about_a_candidates_dates_is_the_opposite_of_its_name(
    truth: Truth, setting: dict[str, str], flag: bool
) -> None:
    record = truth.get("offer", 195) or {}
    truth.put("offer", record | {"startEndDateSetup": True, "startEndDateSetting": setting})
    assert rows(truth, 111)[195]["dateRangeNotPass"] is flag


def test_the_flags_of_a_candidate_are_those_of_its_record_now(truth: Truth) -> None:
    before = rows(truth, 111)[106]
    capped = truth.get("offer", 106) or {}
    truth.put("offer", capped | {"capInfo": capped["capInfo"] | {"capsClicksOverLimit": False}})
    after = rows(truth, 111)[106]
    assert (before["capsOverLimitClicks"], after["capsOverLimitClicks"]) == (True, False)


def test_the_demo_network_has_the_flags_that_a_recalculation_gives(truth: Truth) -> None:
    assert all_recalculated(truth, "offer") == sorted(demo_offers(PAGES), key=lambda raw: raw["offerId"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"payin": 5.5}, {"payin": 8}),
        ({"payin": "5.50000000"}, {"payin": "8.88000000"}),
        ({"capsClicksOverLimit": True}, {"capsClicksOverLimit": False}),
        ({"a": [1, None]}, {"longer": [2]}),
    ],
)
def test_the_estimate_does_not_change_with_an_amount_a_flag_or_a_name(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert size_estimate([one]) == size_estimate([other])


def test_the_estimate_changes_with_text_and_with_the_number_of_values() -> None:
    assert [size_estimate(value) for value in ("a", "ab", 1, [1, 1], True)] == [2, 4, 8, 16, 4]


def test_every_so_many_files_one_record_is_an_empty_list(truth: Truth) -> None:
    recalculation = Recalculation(truth, broken_every=3)
    broken = [recalculation.file("offer").count([]) for _ in range(6)]
    assert broken == [0, 0, 1, 0, 0, 1]


def test_every_so_many_updates_the_body_is_an_empty_list(truth: Truth) -> None:
    recalculation = Recalculation(truth, broken_every=2)
    assert [recalculation.update("offer", 101) == [] for _ in range(4)] == [False, True, False, True]


def test_without_breakage_nothing_fails(truth: Truth) -> None:
    recalculation = Recalculation(truth, broken_every=0)
    assert [] not in [*recalculation.file("offer"), recalculation.update("offer", 101)]
