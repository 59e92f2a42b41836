"""What an explanation can be asked, in texts as people type them."""

import pytest

from cotraffic.diagnostics.explain.request import BadExplainRequest, read_explain_request


@pytest.mark.parametrize(
    ("texts", "field", "said"),
    [
        ({}, "link", "paste a link"),
        ({"link": "x", "offer": "1"}, "link", "not both"),
        ({"offer": "1"}, "campaign", "names a campaign"),
        ({"offer": "one", "campaign": "1"}, "offer", "whole numbers"),
        ({"link": "x", "address": "300.1.1.1"}, "address", "IPv4 or IPv6"),
        ({"link": "x", "country": "Germany"}, "country", "two letters"),
        ({"link": "x", "at": "yesterday"}, "at", "2026-11-25T10:00"),
        ({"link": "x", "user_agent": "x" * 3000}, "user_agent", "2,000"),
    ],
)
def test_a_question_that_cannot_be_asked_is_told_what_to_write(
    texts: dict[str, str], field: str, said: str
) -> None:
    with pytest.raises(BadExplainRequest, match=said) as found:
        read_explain_request(texts)
    assert found.value.field == field


def test_what_the_link_says_stands_unless_it_is_overridden() -> None:
    link = "https://c.example/offer?ad=x&subid=own&cid=own"
    request = read_explain_request({"link": link, "cid": "other"}).request
    assert (request.subid, request.cid) == ("own", "other")


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "1969-12-31"])
def test_a_time_that_no_click_can_have_is_none(text: str) -> None:
    with pytest.raises(BadExplainRequest) as found:
        read_explain_request({"link": "x", "at": text})
    assert found.value.field == "at"


@pytest.mark.parametrize(
    "text", ["2026-11-25T10:00", "2026-11-25T12:00+02:00", "2026-11-25T10:00Z", "1795600800000"]
)
def test_a_time_is_utc_unless_it_names_its_zone(text: str) -> None:
    assert read_explain_request({"link": "x", "at": text}).at_ms == 1_795_600_800_000
