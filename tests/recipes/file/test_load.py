"""Records between a file and a generation: what is kept, what is rejected, and that none crashes the load."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.json_nesting import MAX_LEVELS
from recipes.file.load import KEPT_DEFECTS, Loaded, load
from recipes.records.kinds import RecipeKind
from recipes.records.records import PARSERS, Offer, parse_offer
from tests.processes import PROJECT
from tests.recipe import deep_blob

CONFORMANCE = PROJECT / "tests" / "conformance"
GOOD = json.dumps({"offerId": 1, "status": "public", "type": "regular"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recipe.json.gz"


def load_texts(
    path: Path, *texts: str, kind: RecipeKind = RecipeKind.OFFERS
) -> tuple[Loaded, dict[int, bytes]]:
    path.write_bytes(gzip.compress(f"[{','.join(texts)}]".encode()))
    added: dict[int, bytes] = {}
    return load(kind, path, added.update, lambda _: None), added


def good_but(**fields: Any) -> str:
    return json.dumps(json.loads(GOOD) | fields)


def test_a_record_is_added_as_it_stands_in_the_file(path: Path) -> None:
    text = GOOD.replace(",", " ,\n\t").replace("public", "\\u0070ublic")
    assert load_texts(path, text)[1] == {1: text.encode()}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"Sale \ud83d", "Sale \ufffd"),
        (r"\uDE00 and \ud83d\ude00", "\ufffd and \U0001f600"),
        (r"a backslash: \\ud83d", r"a backslash: \ud83d"),
    ],
)
def test_half_of_a_surrogate_pair_becomes_a_replacement_character(path: Path, text: str, name: str) -> None:
    loaded, added = load_texts(path, f'{GOOD[:-1]}, "name": "{text}"}}')
    assert (msgspec.json.decode(added[1])["name"], loaded.rejected) == (name, {})


@pytest.mark.parametrize("element", ["[]", "null", "7", '"text"', "true", "-1.5e3", "[[{}]]"])
def test_an_element_that_is_no_record_is_rejected_and_costs_nothing_else(path: Path, element: str) -> None:
    loaded, added = load_texts(path, element, GOOD, element)
    assert (loaded.rejected, list(added)) == ({"no record": 2}, [1])


def test_a_number_that_overflows_costs_its_record_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(fields: dict[str, Any]) -> Offer:
        if fields["offerId"] == 2:
            raise OverflowError("too large")
        return parse_offer(fields)

    monkeypatch.setitem(PARSERS, RecipeKind.OFFERS, parse)
    loaded, added = load_texts(path, GOOD, good_but(offerId=2))
    assert loaded.rejections == ["record 2 (id 2): a number out of range"]
    assert list(added) == [1]


def test_a_record_that_is_nested_too_deeply_costs_itself_only(path: Path) -> None:
    for levels in (MAX_LEVELS + 1, *range(900, 1000), 5000, 100_000):
        loaded, added = load_texts(path, deep_blob(2, levels).decode(), GOOD)
        assert (list(added), loaded.rejected) == ([1], {"nested too deeply": 1})


def test_where_it_can_be_decoded_its_id_is_known(path: Path) -> None:
    loaded, _ = load_texts(path, deep_blob(2, MAX_LEVELS + 1).decode(), GOOD)
    assert loaded.rejections == ["record 1 (id 2): nested too deeply"]


def test_of_many_defects_the_first_are_kept_and_all_are_counted(path: Path) -> None:
    offers = [good_but(offerId=offer_id, payin="much") for offer_id in range(1, KEPT_DEFECTS + 50)]
    loaded, _ = load_texts(path, *offers)
    assert (loaded.defect_count, len(loaded.defects)) == (KEPT_DEFECTS + 49, KEPT_DEFECTS)


@pytest.mark.parametrize("kind", RecipeKind)
def test_every_record_of_the_conformance_suite_is_kept(path: Path, kind: RecipeKind) -> None:
    records = json.loads((CONFORMANCE / f"{kind}.json").read_text())
    loaded, added = load_texts(path, *map(json.dumps, records), kind=kind)
    assert (len(added), loaded.rejected) == (len(records), {})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())
    | st.sampled_from(["\ud800", "NaN", "1e999999999", "9" * 5000, 10**400, "[" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted(json.loads((CONFORMANCE / "offers.json").read_text())[40])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=12), max_size=5))
def test_no_record_crashes_the_loader(path: Path, records: list[dict[str, Any]]) -> None:
    loaded, added = load_texts(path, GOOD, *(good_but(**record) for record in records))
    assert loaded.ids == added.keys()
    assert all(msgspec.json.decode(blob) == json.loads(blob) for blob in added.values())
    assert len(added) + loaded.duplicates + sum(loaded.rejected.values()) == len(records) + 1
