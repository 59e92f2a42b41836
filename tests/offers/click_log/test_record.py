"""What a click may weigh is bounded, whatever a visitor or a recipe sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from offers.click_log.record import encode, fields, record, shortened
from tests.offers.builders import context, decided, offer, visitor


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(8, 60))
def test_a_cut_text_is_valid_fits_and_begins_like_the_whole(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert len(encode(cut)) - 2 <= most
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))
    assert (cut == text) == (len(encode(text)) - 2 <= most)


@pytest.mark.parametrize(
    ("sent", "host", "path"),
    [
        (b"ex.example/p/q", "ex.example", "/p/q"),
        (b"ex.example", "ex.example", None),
        (b"https://ex.example/p/q", "ex.example", "/p/q"),
        (b"https%3A%2F%2Fex.example", "ex.example", None),
        (b"HTTP://ex.example:8080/", "ex.example:8080", "/"),
        (b"android-app://com.example.app/p", "com.example.app", "/p"),
        (b"//ex.example/p", "ex.example", "/p"),
        (b"ex.example/p?u=https://other.example/", "ex.example", "/p?u=https://other.example/"),
        (b"https://ex.example/p?u=https://other.example/", "ex.example", "/p?u=https://other.example/"),
        (b"/p", None, "/p"),
        (b"https://", None, None),
        (b"", None, None),
    ],
)
def test_where_an_advert_stood_is_kept_as_host_and_path_without_the_scheme(
    sent: bytes, host: str | None, path: str | None
) -> None:
    found = fields(record(decided(query=b"ad_domain=" + sent)))
    assert (found.get("adDomain"), found.get("adPath")) == (host, path)


HOSTILE = "\0" * 8000


def test_a_hostile_visitor_makes_no_record_of_more_than_twelve_kilobytes() -> None:
    who = replace(visitor(), user_agent='"' * 12_000)
    query = b"&".join(name + b"=" + b"%00" * 4000 for name in (b"subid", b"cid", b"ad_domain", b"fp"))
    click = decided(context(who=who, sub_campaign=HOSTILE, cid=HOSTILE), query)
    assert len(record(replace(click, page_url="https://p.example/?" + "%22" * 8000))) < 12_000


def test_what_is_cut_is_shown_as_cut() -> None:
    found = fields(record(decided(context(sub_campaign="s" * 5000, cid="c" * 5000))))
    assert found["subCampaign"] == "s" * 1021 + "…"
    assert str(found["cid"]).endswith("…")


def test_names_and_descriptions_of_an_offer_are_cut_as_well() -> None:
    long = dict.fromkeys(("name", "descriptions", "advertiserName", "verticalName"), "d" * 450_000)
    kept = record(decided(context(offer(1, **long))))
    assert len(kept) < 6000
    assert str(fields(kept)["offerDescription"]).endswith("…")


def test_what_is_of_ordinary_length_is_kept_as_it_is() -> None:
    found = fields(record(decided(context(sub_campaign="s" * 1000, cid="ü" * 400))))
    assert (found["subCampaign"], found["cid"]) == ("s" * 1000, "ü" * 400)


def test_a_redirect_keeps_what_its_record_does_not() -> None:
    click = decided(context(sub_campaign="s" * 5000))
    assert click.context.sub_campaign == "s" * 5000


def test_what_was_worked_out_of_a_visitor_and_a_decision_cannot_be_changed() -> None:
    click = decided()
    for value, name in (
        (click.visitor, "record_part"),
        (click.visitor.visitor, "geo"),
        (click.plan, "record_part"),
        (click.decision, "payout"),
    ):
        with pytest.raises(AttributeError):
            setattr(value, name, None)
