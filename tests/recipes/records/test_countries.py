"""Lists of countries in every form that can only mean one thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.records.countries import COUNTRY_CODES, Countries, countries_in, country_code

NO_ENTRY: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "listed",
    [
        *(
            "CN,US",
            "CN;US",
            "cn | us",
            "CN US",
            "CN\uff0cUS",
            "CN\u3001US",
            "CN\uff1bUS",
            "CN\r\nUS\t",
            "CN/US",
        ),
        *('["CN","US"]', '"CN,US"', '"CN","US"', "'CN', 'US'", "\ufeffCN,\u200bUS\u200b", "\uff23\uff2e,US"),
        *(["CN", "US"], ["cn ", "\u00a0US"], "CN,,US,"),
    ],
)
def test_lists_are_read_in_every_form(listed: object) -> None:
    found = countries_in(listed)
    assert (set(found.codes), found.unreadable) == ({"CN", "US"}, NO_ENTRY)


@pytest.mark.parametrize("listed", [None, "", " ", ",;", "null", "[]", [], [""], "\u200b"])
def test_an_empty_list_is_readable(listed: object) -> None:
    found = countries_in(listed)
    assert (set(found.codes), found.unreadable, found.is_readable) == (set(), NO_ENTRY, True)


@pytest.mark.parametrize(
    "listed",
    [
        *(
            "United States",
            "USA",
            "U",
            "none",
            "840",
            840,
            0,
            1.5,
            True,
            False,
            {},
            {"US": 1},
            "{}",
            '{"US":1}',
        ),
        *([840], [["US"]], [{"country": "US"}], [None], "[[1]]", "AA", "EU", "A1", "\u0131n"),
        *("[" * levels + "]" * levels for levels in (2, 100, 101, 5000)),
    ],
    ids=lambda listed: repr(listed)[:40],
)
def test_what_holds_no_code_is_unreadable(listed: object) -> None:
    found = countries_in(listed)
    assert (set(found.codes), found.is_readable) == (set(), False)
    assert found.unreadable


@pytest.mark.parametrize(
    "listed",
    ["{US,CA,RU}", "['US','CA','RU']", "[US, CA, RU]", "(US, CA, RU)", '["US","CA","RU"', ["US,CA", "RU"]],
    ids=repr,
)
def test_what_other_programs_write_around_a_list_is_no_part_of_its_entries(listed: object) -> None:
    assert countries_in(listed) == Countries(frozenset({"US", "CA", "RU"}), ())


def test_the_other_entries_count() -> None:
    found = countries_in("USA,GBR, DE ,AUS,ca,null")
    assert (set(found.codes), found.is_readable) == ({"DE", "CA"}, True)
    assert found.unreadable == ("USA", "GBR", "AUS", "null")


@pytest.mark.parametrize(
    ("text", "code"), [("uk", "GB"), ("gb", "GB"), ("XK", "XK"), ("EL", None), ("", None)]
)
def test_uk_is_britain_and_kosovo_is_what_databases_call_it(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_all_assigned_codes_are_known() -> None:
    assert len(COUNTRY_CODES - {"XK"}) == 249


@given(st.text(st.characters(categories=None, codec=None)) | st.lists(st.text() | st.integers() | st.none()))
def test_whatever_a_list_holds_only_codes_come_out(listed: object) -> None:
    assert countries_in(listed).codes <= COUNTRY_CODES
