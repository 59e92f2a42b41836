"""What a request brings along, and what is written down of it."""

from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.click_log.record import Click, fields, fingerprint, record
from offers.request import read_query, read_request
from offers.routing.round_robin import RoundRobin
from offers.rules.common.verdict import ClickContext
from offers.visitors.device import NO_HINTS, ClientHints
from tests.offers.builders import NOW_MS, campaign, context, decided, offer, scope, visitor


def click(query: bytes = b"", the_click: ClickContext | None = None) -> Click:
    return decided(the_click, query)


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"ad=1&ad=2", {"ad": "1"}),
        (b"subid=a&subid=b&cid=x", {"subid": "a,b", "cid": "x"}),
        (b"subid=a%20b+c", {"subid": "a b c"}),
        (b"subid=&cid", {"subid": "", "cid": ""}),
        (b"subid=%ff", {"subid": "�"}),
        (b"subid=%C3%BC", {"subid": "ü"}),
        (b"&&=&a=b=c", {"": "", "a": "b=c"}),
        (b"", {}),
    ],
)
def test_a_query_is_read_as_browsers_mean_it(query: bytes, parameters: dict[str, str]) -> None:
    assert read_query(query) == parameters


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (b"ad=T?subid=5", {"ad": "T", "subid": "5"}),
        (b"ad=T?subid=a%26b&cid=7", {"ad": "T", "subid": "a&b", "cid": "7"}),
        (b"ad=T%3Fsubid=a%26b&cid=7", {"ad": "T", "subid": "a&b", "cid": "7"}),
        (b"ad=T%3fsubid%3Da%2526b%26cid%3D%25C3%25BC", {"ad": "T", "subid": "a&b", "cid": "\xfc"}),
        (b"ad=T%3Fsubid%3D%C3%BC", {"ad": "T", "subid": "\xfc"}),
        (b"ad=T%26subid%3Da%2526b%26cid%3D7", {"ad": "T", "subid": "a&b", "cid": "7"}),
        (b"ad=T%26amp;subid=5&cid=7", {"ad": "T", "subid": "5", "cid": "7"}),
        (b"subid=1&ad=T?subid=2&subid=3", {"subid": "1,2,3", "ad": "T"}),
        (b"ad=T?ad=U&cid=7?8", {"ad": "T", "cid": "7?8"}),
        (b"ad=T?", {"ad": "T"}),
        (b"ad=T??x", {"ad": "T", "x": ""}),
        (b"%61d=T?subid=5", {"ad": "T", "subid": "5"}),
        (b"??ad=T&subid=5", {"ad": "T", "subid": "5"}),
        (b"ad=T&subid=why?because=x", {"ad": "T", "subid": "why?because=x"}),
        (b"ad=T&amp;subid=5&amp;amp;cid=7", {"ad": "T", "subid": "5", "cid": "7"}),
        (b"ad=T&amp%3Bsubid=5&amp%3Bamp%3bcid=7", {"ad": "T", "subid": "5", "cid": "7"}),
        (b"subid=1&amp;subid=2", {"subid": "1,2"}),
        (b"ad=T&subid=&amp;=&amp;", {"ad": "T", "subid": "", "": ""}),
        (b"ad=T&subid=R%26amp;D", {"ad": "T", "subid": "R&amp;D"}),
        (b"AD=T&SubID=5", {"AD": "T", "SubID": "5"}),
    ],
)
def test_a_damaged_query_is_read_as_it_was_meant(query: bytes, parameters: dict[str, str]) -> None:
    assert read_query(query) == parameters


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("subid=caf\xe9".encode(), "caf\xe9"),
        (b"subid=\xc3%A9+\xf0\x9f\x98\x80", "\xe9 \U0001f600"),
        (b"subid=caf\xe9", "caf\ufffd"),
    ],
)
def test_bytes_in_a_query_are_utf_8(query: bytes, value: str) -> None:
    assert read_query(query) == {"subid": value}


@given(st.text(), st.text())
def test_whether_a_query_is_percent_encoded_makes_no_difference(subid: str, cid: str) -> None:
    kept = "&=+%;?"
    raw = "&".join(f"subid={''.join(c for c in text if c not in kept)}" for text in (subid, cid))
    assert read_query(raw.encode()) == read_query(quote(raw, safe="&=").encode())


@pytest.mark.parametrize(
    ("sent", "text"), [("caf\xe9".encode(), "caf\xe9"), (b"caf\xe9", "caf\xe9"), (b"\xff\xfe", "\xff\xfe")]
)
def test_a_header_is_utf_8_or_else_latin_1(sent: bytes, text: str) -> None:
    request = read_request(scope(b"", (b"referer", sent), (b"user-agent", sent)))
    assert (request.referer, request.clues.user_agent) == (text, text)


def test_the_token_is_in_the_parameter_of_the_path() -> None:
    asked_at_alias = read_request(scope(b"o=T?subid=5&ad=U"), "o")
    assert (asked_at_alias.ad, asked_at_alias.subid) == ("T", "5")


def test_debug_is_asked_for_by_one_word_only() -> None:
    assert [read_request(scope(q)).debug for q in (b"debug=debug", b"debug=1", b"debug")] == [
        True,
        False,
        False,
    ]


def test_a_header_that_was_sent_twice_is_joined() -> None:
    twice = ((b"x-forwarded-for", b"8.8.8.8"), (b"x-forwarded-for", b"9.9.9.9"))
    assert read_request(scope(b"", *twice)).clues.forwarded_for == "8.8.8.8,9.9.9.9"


def test_client_hints_are_taken_where_they_were_sent() -> None:
    sent = ((b"sec-ch-ua-mobile", b"?1"), (b"sec-ch-ua-model", b'"Pixel 8"'))
    assert read_request(scope(b"", *sent)).clues.hints == ClientHints(mobile="?1", model='"Pixel 8"')
    assert read_request(scope()).clues.hints is NO_HINTS


@given(st.binary(), st.lists(st.tuples(st.sampled_from([b"user-agent", b"referer"]), st.binary())))
def test_no_bytes_make_the_reader_raise(query: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    assert read_request(scope(query, *headers)).clues.peer == "192.0.2.1"


def test_empty_values_are_left_out_of_a_record() -> None:
    kept = fields(record(click()))
    options = {"isCpmOptionEnabled", "originIsCpmOptionEnabled"}
    assert {name for name, value in kept.items() if value in (None, "", False)} == options
    assert (kept["isCpmOptionEnabled"], kept["originIsCpmOptionEnabled"]) == (0, 0)


def test_an_amount_of_zero_is_no_empty_value() -> None:
    assert fields(record(click(the_click=context(offer(payin=0, payout=0)))))["payin"] == Decimal(0)


def test_a_record_is_kept_for_a_year_in_seconds() -> None:
    kept = fields(record(click()))
    assert (kept["dateAdded"], kept["ttl"]) == (NOW_MS, NOW_MS // 1000 + 365 * 24 * 3600)


def test_a_record_of_an_exit_click_names_taker_and_origin() -> None:
    origin = offer(countriesRestrictions="US", offerIdRedirectExitTraffic=2, advertiserId=5, landingPageId=9)
    kept = fields(record(click(the_click=context(origin, campaign(payout=3)))))
    assert (kept["offerId"], kept["originOfferId"], kept["originAdvertiserId"]) == (2, 1, 5)
    assert (kept["landingPageIdOrigin"], kept["landingPageUrlOrigin"]) == (9, "https://1.example/")
    assert kept["offerIdRedirectExitTraffic"] == 2


def test_the_ad_domain_is_told_from_its_path() -> None:
    kept = fields(record(click(b"ad_domain=pub.example%2Fnews%2F1")))
    assert (kept["adDomain"], kept["adPath"]) == ("pub.example", "/news/1")


def test_a_visitor_is_known_by_address_user_agent_and_language() -> None:
    same, other = fingerprint(click()), fingerprint(click(the_click=context(None, None, visitor("FR"))))
    assert same == other
    assert len(same or "") == 32


def test_fp_disabled_leaves_the_fingerprint_out() -> None:
    assert "fingerPrintKey" not in fields(record(click(b"fp=disabled")))


def test_turns_are_taken_in_equal_shares_for_each_set_of_candidates() -> None:
    round_robin = RoundRobin()
    assert [round_robin.choose(1, 1, (5, 6, 7)) for _ in range(4)] == [5, 6, 7, 5]
    assert [round_robin.choose(1, 1, (5, 6)) for _ in range(3)] == [5, 6, 5]
    assert round_robin.choose(2, 1, (5, 6, 7)) == 5


def test_a_proposed_turn_is_taken_by_a_commit_and_not_by_a_rollback() -> None:
    round_robin = RoundRobin()
    proposed = []
    for end in (round_robin.rollback, round_robin.commit, round_robin.commit):
        proposed.append(round_robin.propose(1, 1, (5, 6)))
        end()
    assert proposed == [5, 5, 6]


def test_of_many_sets_of_candidates_the_least_recently_used_is_forgotten() -> None:
    round_robin = RoundRobin(max_keys=2)
    for offer_id in (1, 2, 1, 3):
        round_robin.choose(1, offer_id, (5, 6))
    assert [round_robin.propose(1, offer_id, (5, 6)) for offer_id in (1, 2, 3)] == [5, 5, 6]
