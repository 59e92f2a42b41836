"""Settings of where clicks are kept: what cannot work is refused, with what to do."""

import pytest
from pytest_django.fixtures import Settings as SettingsWrapper

from cotraffic.checks.clicks import NOT_NEGATIVE, check_click_settings


def ids() -> list[str]:
    found = check_click_settings()
    assert all(message.hint for message in found)
    return [str(message.id) for message in found]


def test_the_defaults_are_right() -> None:
    assert ids() == []


@pytest.mark.parametrize("value", ["", "drop", "Refuse"])
def test_a_choice_that_is_none_is_refused(settings: SettingsWrapper, value: str) -> None:
    settings.CLICKS_UNWRITABLE = value
    assert ids() == ["cotraffic.E050"]


@pytest.mark.parametrize("value", ["", "counts", "Mark", "off"])
def test_a_treatment_of_automated_clicks_that_is_none_is_refused(
    settings: SettingsWrapper, value: str
) -> None:
    settings.AUTOMATED_CLICKS = value
    assert ids() == ["cotraffic.E053"]


@pytest.mark.parametrize("percent", [0.0, 0.85, 101.0])
def test_a_share_of_memory_that_is_none_is_refused(settings: SettingsWrapper, percent: float) -> None:
    settings.CLICK_LOG_MEMORY_PERCENT = percent
    assert ids() == ["cotraffic.E051"]


@pytest.mark.parametrize("name", NOT_NEGATIVE)
def test_a_bound_below_zero_is_refused(settings: SettingsWrapper, name: str) -> None:
    setattr(settings, name, -1)
    assert ids() == ["cotraffic.E052"]
