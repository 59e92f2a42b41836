"""What staff paste, and what is read from it."""

import pytest

from offers.pasted_links import BadLink, Link, read_link

TOKEN = "00" * 16 + ":" + "11" * 16


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"  {TOKEN}\n",
        TOKEN.replace(":", "%3A"),
        f"ad={TOKEN}",
        f"?ad={TOKEN}",
        f"https://click.example/offer?ad={TOKEN}",
        f"<https://click.example/OFFER/?ad={TOKEN}#top>",
        f"click.example/offer?utm=x&ad={TOKEN}",
        f'"http://localhost:5000/offer?debug=debug&ad={TOKEN}&ad=second"',
    ],
)
def test_the_token_is_found_however_the_link_was_copied(text: str) -> None:
    assert read_link(text) == Link(TOKEN)


def test_what_else_the_link_says_is_read_as_a_click_would() -> None:
    link = read_link(
        f"https://c.example/offer?ad={TOKEN}&subid=a%26b&subid=c&cid=grün&ad_domain=d.example/x&fp=disabled"
    )
    assert link == Link(TOKEN, "a&b,c", "grün", "d.example/x", "disabled")


def test_a_sealed_token_is_a_link_too() -> None:
    assert read_link("v2.k1.abc-_").ad == "v2.k1.abc-_"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  ", "nothing was given"),
        ("https://click.example/offer", "no query"),
        ("https://click.example/offer?da=1", "no `ad` parameter"),
        ("x" * 9000, "9,000 characters"),
    ],
)
def test_what_is_no_link_is_told_what_is_missing(text: str, said: str) -> None:
    with pytest.raises(BadLink, match=said):
        read_link(text)
