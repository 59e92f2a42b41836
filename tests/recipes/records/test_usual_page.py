"""The short cut for pages that need no correction: it compiles what the full reading compiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.records.landing_page import MACROS, BadPage, Page, any_page, usual_page

# What pages are made of, and what has to be corrected or refused in them.
HOSTS = (
    "http:// https:// HTTPS:// // a.example lp2.b.example localhost 1.2.3.4 xn-- . www https http com :80 :"
)
REST = "/ /a ? & = x=1 &amp; &amp ; #f {SUBID} {{lid}} {other} { } %7Blid%7D %20 % é [ | @"
PIECES = st.sampled_from(
    [*HOSTS.split(), *REST.split(), " ", "\u200b", *(f"{{{name}}}" for name in MACROS)],
)


def read(compile_page: object, text: str) -> Page | str | None:
    """What a reader makes of a text, a refusal as its words."""
    try:
        return compile_page(text)  # type: ignore[operator, no-any-return]
    except BadPage as error:
        return str(error)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_it_compiles_or_refuses_as_the_full_reading_does(rest: str) -> None:
    for text in (rest, f"https://a.example/{rest}", f"https://{rest}"):
        found = read(usual_page, text)
        assert found is None or found == read(any_page, text)


@pytest.mark.parametrize(
    "text",
    [
        "https://lp1.example.com/land?aff={affiliateId}&click={lid}",
        "http://a.example",
        "https://a-b.example/x/y_z~(1)?q=a+b&r={subid}{cid}",
    ],
)
def test_usual_pages_take_it(text: str) -> None:
    assert usual_page(text) == any_page(text)


@pytest.mark.parametrize(
    "text",
    [
        *("https://a.example/?x=1&amp;y=2", "https://a.example/?x={other}", "https://a.example/{{lid}}"),
        *("https://a.example/{LID}", "https://a.example/}", "https://A.example/", "https://a.example/#f"),
        *("https://a.example/%", "https://a.example/é", " https://a.example/", "https://a.example:80/"),
    ],
)
def test_what_may_have_to_be_corrected_is_left_to_the_full_reading(text: str) -> None:
    assert usual_page(text) is None
