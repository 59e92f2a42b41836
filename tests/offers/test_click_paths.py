"""Where clicks arrive: `/offer` and its aliases, however they are spelled, and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.click_paths import ClickPaths, read_aliases

PATHS = ClickPaths({"/pl": "o", "/go/ad.php": "t"})


@pytest.mark.parametrize("path", ["/offer", "/offer/", "/OFFER", "/Offer/", "//offer", "///oFFer//", "offer"])
def test_offer_is_read_in_any_case_with_any_slashes_around(path: str) -> None:
    assert PATHS.parameter(path) == "ad"


@pytest.mark.parametrize(
    "path",
    ["", "/", "//", "/offers", "/offer/x", "/of/fer", "/offer ", "/offer\n", "/off\u0435r", "/p\u029f"],
)
def test_other_paths_are_those_of_no_click(path: str) -> None:
    assert PATHS.parameter(path) is None


def test_an_alias_has_a_parameter_of_its_own() -> None:
    assert [PATHS.parameter(path) for path in ("/pl", "//PL/", "/Go/AD.php/")] == ["o", "o", "t"]


def test_usual_spellings_are_known_to_the_byte() -> None:
    spellings = PATHS.spellings
    assert all(PATHS.parameter(path.decode()) == name for path, name in spellings.items())
    assert {b"/offer", b"/offer/", b"/OFFER", b"//offer", b"/Offer/", b"/pl", b"/PL/"} <= set(spellings)


@given(
    st.text(st.sampled_from("/offerpl.adgOFERPLKk\n%\u212a"), max_size=9) | st.sampled_from(["/go/adxphp"])
)
def test_the_patterns_know_the_same_paths(path: str) -> None:
    found = [name for pattern, name in PATHS.patterns().items() if re.search(pattern, path.removeprefix("/"))]
    known = PATHS.parameter(path)
    assert found == ([known] if known else [])


@pytest.mark.parametrize(
    ("entries", "parameters"),
    [
        ([], {}),
        (["/ad?ad", "/pl?o"], {"/ad": "ad", "/pl": "o"}),
        ([" /PL/?o "], {"/pl": "o"}),
        (["/a/b-c_d.php?x.y"], {"/a/b-c_d.php": "x.y"}),
    ],
)
def test_an_alias_is_a_path_and_a_parameter(entries: list[str], parameters: dict[str, str]) -> None:
    assert read_aliases(entries) == (parameters, [])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        *[
            (entry, "no path")
            for entry in ("", "?o", "/?o", "pl?o", "//pl?o", "/p l?o", "/p%6c?o", "/../x?o")
        ],
        *[(entry, "no path") for entry in ("https://a.example/pl?o", "/pl\u00e9?o", "/a//b?o")],
        *[(entry, "no parameter") for entry in ("/pl", "/pl?", "/pl?o=", "/pl?o&p", "/pl?o?p", "/pl? o")],
        *[
            (f"/{part}?o", "another use")
            for part in ("offer", "Health", "ready/", "metrics", "static/x", "admin")
        ],
        *[(f"/pl?{name}", "in a click") for name in ("subid", "cid", "ad_domain", "fp", "debug")],
    ],
)
def test_what_can_be_no_alias_is_named(entry: str, said: str) -> None:
    parameters, [problem] = read_aliases([entry], {"admin"})
    assert parameters == {}
    assert said in problem
    assert repr(entry.strip()) in problem


def test_a_path_is_given_once() -> None:
    parameters, [problem] = read_aliases(["/pl?o", "/PL/?p"])
    assert parameters == {"/pl": "o"}
    assert "another entry" in problem
