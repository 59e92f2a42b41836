"""Redirect types in words."""

import pytest

from cotraffic.diagnostics.words import REDIRECT_TYPES, redirect_type_words
from offers.rules.common.redirect_type import RedirectType


def test_every_redirect_type_has_words() -> None:
    assert set(REDIRECT_TYPES) == set(RedirectType)
    assert len({words.short for words in REDIRECT_TYPES.values()}) == len(RedirectType)


@pytest.mark.parametrize("code", RedirectType)
def test_words_say_what_a_type_means(code: RedirectType) -> None:
    words = redirect_type_words(code.value)
    assert words.short != code.value
    assert words.meaning.endswith(".")


def test_a_type_of_a_records_own_is_shown_as_it_is() -> None:
    assert redirect_type_words("capsOffersClicksOverLimit").short == "capsOffersClicksOverLimit"
