"""Stored codes in words: none is without, and the reference page has them all."""

import html
import re
from enum import Enum

import pytest
from django.test import Client
from django.urls import reverse

from cotraffic.diagnostics.words import (
    ReferenceEntry,
    automated_entry,
    automated_reasons,
    redirect_type_entry,
    redirect_types,
    refusal_entry,
    refusals,
)
from cotraffic.ops.metrics.worker import outcome
from offers.admission import Reason
from offers.rules.common.redirect_type import RedirectType
from offers.visitors.automated import AutomatedReason

BY_ENUM: dict[type[Enum], list[ReferenceEntry]] = {
    RedirectType: redirect_types()[:-1],
    Reason: refusals(),
    AutomatedReason: automated_reasons(),
}
ALL = [*redirect_types(), *refusals(), *automated_reasons()]
AGGREGATED = RedirectType.EXIT_TO_AGGREGATED.value


@pytest.mark.parametrize("codes", BY_ENUM)
def test_every_code_has_words_of_its_own(codes: type[Enum]) -> None:
    entries = BY_ENUM[codes]
    assert [entry.code for entry in entries] == [code.value for code in codes]
    assert len({entry.words.short for entry in entries}) == len(codes)


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: entry.anchor)
def test_words_say_what_it_means_what_to_do_and_where_to_change_it(entry: ReferenceEntry) -> None:
    for sentence in (entry.words.meaning, entry.words.to_do, entry.words.change):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_each_entry_has_a_place_of_its_own_that_an_address_can_name() -> None:
    anchors = [entry.anchor for entry in ALL]
    assert len(set(anchors)) == len(anchors)
    assert all(re.fullmatch(r"[A-Za-z-]+", anchor) for anchor in anchors)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.FETCHED_AHEAD])
def test_a_refusal_names_its_label_in_metrics(reason: Reason) -> None:
    assert refusal_entry(reason.value).metric == outcome(reason.value)


@pytest.mark.django_db
def test_the_reference_page_has_every_entry_at_its_address(staff_client: Client) -> None:
    page = staff_client.get(reverse("diagnostics:reference")).text
    for entry in ALL:
        card = page[page.index(f'id="{entry.anchor}"') :].partition("</li>")[0]
        text = html.unescape(re.sub(r"<[^>]*>", "", card))
        # Commands stand between backticks, which the page shows as code.
        to_do = entry.words.to_do.replace("`", "")
        for words in (entry.code, entry.words.meaning, to_do, entry.words.change):
            assert words in text
        assert entry.words.short.lower() in text.lower()
        assert entry.url == f"{reverse('diagnostics:reference')}#{entry.anchor}"


def test_a_type_of_a_records_own_is_shown_as_it_is() -> None:
    entry = redirect_type_entry("capsOffersClicksOverLimit")
    assert entry.words.short == "capsOffersClicksOverLimit"
    assert entry.anchor == redirect_types()[-1].anchor


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("offerGeoRestriction: FR is restricted", "country not allowed → best of several"),
        (
            f"{RedirectType.NONE_OF_AGGREGATED}: no candidate is open",
            "none of several → best of several",
        ),
        ("of a record's own", "exit → best of several"),
        ("", "exit → best of several"),
    ],
)
def test_an_exit_to_an_aggregated_offer_says_why_the_click_left(reason: str, words: str) -> None:
    assert redirect_type_entry(AGGREGATED, reason).words.short == words


def test_no_other_type_minds_the_reason() -> None:
    entry = redirect_type_entry("customPayOutPerGeo", "offerGeoRestriction: FR is restricted")
    assert entry.words.short == "payout of the country"


@pytest.mark.parametrize(
    "entry", [refusal_entry("of a newer version"), automated_entry("of a newer version")]
)
def test_a_code_of_another_version_is_shown_as_it_is(entry: ReferenceEntry) -> None:
    assert entry.words.short == "of a newer version"
