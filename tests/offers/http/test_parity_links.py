"""Links as they arrive: other spellings, other hosts, aliases, damage. Both entry points read them alike.

Every such request is compared with the plain link: status, headers, Location and the click that is logged.
"""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotraffic.diagnostics.explain.request import BadExplainRequest, read_explain_request
from cotraffic.diagnostics.explain.result import Explanation
from offers.click_paths import ClickPaths
from offers.links.tokens import DAMAGE
from tests.conformance.instance import KNOWN_LINK
from tests.offers.entry_points import OF_THE_MOMENT, STAFF_HOST, EntryPoint, Outcome, open_entry_points
from tests.offers.exchanges import exchange, get
from tests.offers.explaining import explain_once
from tests.processes import wait_until

TOKEN = KNOWN_LINK.encode()
VISITOR = (b"User-Agent: Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0", b"X-Forwarded-For: 34.99.99.105")
NOTES = b"&subid=5&cid=c7"


@pytest.fixture(scope="module")
def entry_points(redis_url: str, geoip_databases: None) -> Iterator[list[EntryPoint]]:
    with open_entry_points(redis_url) as entry_points:
        yield entry_points


@pytest.fixture(scope="module")
def plain(entry_points: list[EntryPoint]) -> Outcome:
    """What comes of the link without damage, with notes."""
    outcome = entry_points[0].outcome(link(b"ad=" + TOKEN + NOTES))
    assert (outcome.answer.status, len(outcome.clicks)) == (302, 1)
    return outcome


@pytest.fixture(scope="module")
def refused(entry_points: list[EntryPoint]) -> Outcome:
    """What comes of a link that names nothing."""
    return entry_points[0].outcome(link(b"ad=junk"))


def link(query: bytes, path: bytes = b"/offer", host: bytes = b"a.example", method: bytes = b"GET") -> bytes:
    return get(query, *VISITOR, path=path, method=method).replace(b"Host: a.example", b"Host: " + host)


def assert_all(entry_points: list[EntryPoint], request: bytes, expected: Outcome) -> None:
    for entry in entry_points:
        assert entry.outcome(request) == expected, entry.name


PATHS = [
    *(b"/offer/", b"/OFFER", b"/Offer/", b"/oFfEr", b"//offer", b"///offer/", b"//OFFER//", b"/offer%2f"),
    *(
        b"/%6fffer",
        b"http://a.example/offer",
        b"http://click_a.example:99999//Offer/",
        b"HTTP://[::1]:80/offer",
    ),
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_read_in_any_case_and_with_any_slashes(
    entry_points: list[EntryPoint], plain: Outcome, path: bytes
) -> None:
    assert_all(entry_points, link(b"ad=" + TOKEN + NOTES, path), plain)


HOSTS = [b"click.example", b"click_a.example", b"a.example:81", b"[::1]:5000", b"192.0.2.1", b"A.EXAMPLE."]
ODD_HOSTS = [b"", b"a..b", b"-", b"a b", b"a.example:x", b"\xc3\xa9.example", b"[::1", b"a/b?c"]


@pytest.mark.parametrize("host", HOSTS + ODD_HOSTS)
@pytest.mark.parametrize("path", [b"/offer", b"/OFFER/", b"//pl"])
def test_the_host_is_not_looked_at(
    entry_points: list[EntryPoint], plain: Outcome, host: bytes, path: bytes
) -> None:
    name = b"o" if b"pl" in path else b"ad"
    assert_all(entry_points, link(name + b"=" + TOKEN + NOTES, path, host), plain)


@pytest.mark.parametrize("lines", [b"", b"Host: a.example\r\nHost: b.example\r\n"])
@pytest.mark.parametrize("path", [b"/offer", b"/OFFER/", b"/ad"])
def test_no_host_and_two_hosts_are_like_one(
    entry_points: list[EntryPoint], plain: Outcome, lines: bytes, path: bytes
) -> None:
    request = link(b"ad=" + TOKEN + NOTES, path).replace(b"Host: a.example\r\n", lines)
    assert_all(entry_points, request, plain)


@pytest.mark.parametrize("path", [b"/offer", b"/OFFER/", b"/ad"])
def test_http_1_0_needs_no_host(entry_points: list[EntryPoint], plain: Outcome, path: bytes) -> None:
    request = link(b"ad=" + TOKEN + NOTES, path).replace(b"HTTP/1.1\r\nHost: a.example", b"HTTP/1.0")
    outcomes = [entry.outcome(request) for entry in entry_points]
    assert outcomes[1:] == outcomes[:-1]
    assert outcomes[0].clicks == plain.clicks


@pytest.mark.parametrize("path", [b"/offer", b"/OFFER/", b"//offer", b"/ad", b"/pl/"])
@pytest.mark.parametrize("query", [b"", b"ad=junk&o=junk", b"subid=1"])
def test_a_refusal_is_the_same_everywhere(
    entry_points: list[EntryPoint], refused: Outcome, path: bytes, query: bytes
) -> None:
    assert_all(entry_points, link(query, path, b"click_a.example"), refused)


def refusals(entry: EntryPoint) -> int:
    """What all workers have published; they do so once a second."""
    hours = entry.redis.keys("stats:refused:*")
    return sum(int(count) for hour in hours for count in entry.redis.hgetall(hour).values())


def test_no_refusal_goes_uncounted(entry_points: list[EntryPoint]) -> None:
    for entry in entry_points:
        before = refusals(entry)
        exchange(entry.port, link(b"ad=junk", b"/OFFER/", b"click_a.example"))
        exchange(entry.port, link(b"o=junk", b"//pl", b"click_a.example"))
        wait_until(lambda: refusals(entry_points[0]) >= before + 2, what="the counting of two refusals")  # noqa: B023


def test_other_pages_are_for_allowed_hosts_alone(entry_points: list[EntryPoint]) -> None:
    for entry in entry_points:
        assert entry.outcome(link(b"", b"/no/such/page", b"click.example")).answer.status == 400
        assert entry.outcome(link(b"", b"/no/such/page", STAFF_HOST.encode())).answer.status == 404


@pytest.mark.parametrize("path", [b"/ad", b"/AD/", b"//ad"])
def test_an_alias_is_the_same_link(entry_points: list[EntryPoint], plain: Outcome, path: bytes) -> None:
    assert_all(entry_points, link(b"ad=" + TOKEN + NOTES, path), plain)


@pytest.mark.parametrize("path", [b"/pl", b"/Pl/", b"//PL", b"http://a_b/pl"])
def test_an_alias_has_its_own_parameter(entry_points: list[EntryPoint], plain: Outcome, path: bytes) -> None:
    assert_all(entry_points, link(b"o=" + TOKEN + NOTES, path), plain)


@pytest.mark.parametrize(("path", "name"), [(b"/offer", b"o"), (b"/pl", b"ad"), (b"/ad", b"o")])
def test_the_parameter_of_another_path_holds_no_token(
    entry_points: list[EntryPoint], refused: Outcome, path: bytes, name: bytes
) -> None:
    assert_all(entry_points, link(name + b"=" + TOKEN, path), refused)


@pytest.mark.parametrize("path", [b"/offer", b"/OFFER/", b"/ad", b"//ad/"])
def test_head_debug_and_other_methods_know_every_path(entry_points: list[EntryPoint], path: bytes) -> None:
    query = b"ad=" + TOKEN
    for entry in entry_points:
        head = entry.outcome(link(query, path, b"a_b", b"HEAD"))
        debug = entry.outcome(link(query + b"&amp;debug=debug", path, b"a_b"))
        post = entry.outcome(link(query, path, b"a_b", b"DELETE"))
        assert [it.answer.status for it in (head, debug, post)] == [302, 200, 405]
        assert not head.clicks + debug.clicks + post.clicks


AROUND = {
    "a full stop": (b"", b"."),
    "brackets": (b"(", b")"),
    "angle brackets": (b"<", b">"),
    "angle brackets, encoded": (b"%3C", b"%3e"),
    "quotes": (b'"', b'"'),
    "quotes, encoded": (b"%22", b"%22"),
    "typographic quotes": ("“".encode(), "”".encode()),
    "typographic quotes, encoded": (b"%E2%80%9C", b"%E2%80%9D"),
    "a comma and a semicolon": (b"", b",;"),
    "a blank": (b"%20", b"%20"),
    "plus signs": (b"+", b"+"),
    "a line end": (b"", b"%0D%0A"),
    "a no-break space": (b"", b"%C2%A0"),
    "a no-break space of Latin-1": (b"", b"%A0"),
    "a zero-width space": (b"%E2%80%8B", b"%E2%80%8B"),
    "a byte order mark": (b"\xef\xbb\xbf", b"\xef\xbb\xbf"),
    "all together": (b"%20(%22", b"%22).%E2%80%8B%0A"),
}


@pytest.mark.parametrize(("before", "behind"), AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("path", [b"/offer", b"/ad/"])
def test_damage_around_a_token_makes_no_difference(
    entry_points: list[EntryPoint], plain: Outcome, before: bytes, behind: bytes, path: bytes
) -> None:
    assert_all(entry_points, link(b"ad=%b%b%b%b" % (before, TOKEN, behind, NOTES), path), plain)


DAMAGED = {
    "a second question mark": b"ad=%b?subid=5&cid=c7",
    "one, encoded": b"ad=%b%%3Fsubid=5&cid=c7",
    "all behind it encoded": b"ad=%b%%3fsubid%%3D5%%26cid%%3Dc7",
    "two of them": b"ad=%b??subid=5&cid=c7",
    "damage before it": b"ad=%b.%%20?subid=5&cid=c7",
    "an encoded and": b"ad=%b%%26subid%%3D5%%26cid%%3Dc7",
    "a question mark alone at the end": b"subid=5&cid=c7&ad=%b?",
    "two at the beginning": b"?ad=%b&subid=5&cid=c7",
    "an escaped and": b"ad=%b&amp;subid=5&amp;cid=c7",
    "one, encoded in part": b"ad=%b&amp%%3Bsubid=5&amp%%3bcid=c7",
    "one escaped twice": b"ad=%b&amp;amp;subid=5&amp;amp%%3Bcid=c7",
    "one before the token": b"subid=5&amp;cid=c7&amp;ad=%b",
    "one and a question mark": b"amp;ad=%b?amp;subid=5&amp;cid=c7",
    "none, one": b"&ad=%b&&amp;&subid=5&cid=c7",
}


@pytest.mark.parametrize("query", DAMAGED.values(), ids=DAMAGED)
def test_damage_between_parameters_makes_no_difference(
    entry_points: list[EntryPoint], plain: Outcome, query: bytes
) -> None:
    assert_all(entry_points, link(query % TOKEN), plain)
    assert_all(entry_points, link((query % TOKEN).replace(b"ad=", b"o="), b"/pl"), plain)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.text(DAMAGE + "+", max_size=4), behind=st.text(DAMAGE + "+", max_size=4))
def test_whatever_is_around_a_token_makes_no_difference(
    entry_points: list[EntryPoint], plain: Outcome, before: str, behind: str
) -> None:
    assert_all(entry_points, link(b"ad=%b%b%b%b" % (before.encode(), TOKEN, behind.encode(), NOTES)), plain)


RAW = "café 魅族 😀".replace(" ", "_")


@pytest.mark.parametrize("path", [b"/offer", b"/OFFER/", b"http://a_b/offer"])
def test_utf_8_in_a_url_needs_no_encoding(entry_points: list[EntryPoint], path: bytes) -> None:
    raw = [entry.outcome(link(b"ad=%b&subid=%b" % (TOKEN, RAW.encode()), path)) for entry in entry_points]
    encoded = entry_points[0].outcome(
        link(b"ad=%b&subid=%b" % (TOKEN, b"".join(b"%%%02X" % b for b in RAW.encode())))
    )
    assert raw == [encoded] * 2
    assert encoded.clicks[0]["subCampaign"] == RAW


def test_bytes_in_a_url_that_are_no_utf_8_are_replaced(entry_points: list[EntryPoint]) -> None:
    outcomes = [entry.outcome(link(b"ad=%b&subid=caf\xe9" % TOKEN)) for entry in entry_points]
    assert [outcome.clicks[0]["subCampaign"] for outcome in outcomes] == ["caf\ufffd"] * 2


@pytest.mark.parametrize(
    ("sent", "text"), [("café".encode(), "café"), (b"caf\xe9", "café"), ("魅族".encode(), "魅族")]
)
def test_headers_are_utf_8_or_else_latin_1(entry_points: list[EntryPoint], sent: bytes, text: str) -> None:
    request = get(b"ad=" + TOKEN, b"User-Agent: X " + sent, b"Referer: https://a.example/" + sent)
    clicks = [entry.outcome(request).clicks[0] for entry in entry_points]
    assert clicks[1:] == clicks[:-1]
    assert (clicks[0]["userAgent"], clicks[0]["referer"]) == (f"X {text}", f"https://a.example/{text}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=30).filter(lambda raw: not set(raw) & set(bytes(range(33)) + b"#\x7f")))
def test_whatever_bytes_a_url_has_come_to_the_same(entry_points: list[EntryPoint], raw: bytes) -> None:
    outcomes = [entry.outcome(link(b"ad=%b&subid=%b" % (TOKEN, raw))) for entry in entry_points]
    assert outcomes[1:] == outcomes[:-1]
    assert outcomes[0].answer.status in (302, 404)


PASTED = {
    **{name: query % TOKEN for name, query in DAMAGED.items()},
    **{name: b"ad=%b%b%b&subid=5" % (before, TOKEN, behind) for name, (before, behind) in AROUND.items()},
    "UTF-8": b"ad=%b&subid=%b" % (TOKEN, RAW.encode()),
    "no UTF-8": b"ad=%b&subid=caf\xe9%%C3" % TOKEN,
    "nothing": b"",
    "no token": b"ad=junk.&subid=5",
}


@pytest.mark.parametrize("query", PASTED.values(), ids=PASTED)
@pytest.mark.parametrize(("path", "name"), [(b"/offer", b"ad="), (b"//PL/", b"o=")])
def test_an_explanation_agrees_with_the_answer(
    entry_points: list[EntryPoint], query: bytes, path: bytes, name: bytes
) -> None:
    request = link(query.replace(b"ad=", name), path)
    outcome = entry_points[0].outcome(request)
    target = request.split(b" ")[1].decode("utf-8", "surrogateescape")
    explanation = explained_at_alias(f"https://click_a.example{target}")
    assert (explanation.refused is None) == (outcome.answer.status == 302)
    for click in outcome.clicks:
        assert explanation.record is not None
        names = set(click) - set(OF_THE_MOMENT) - {"unique", "isUniqueVisit"}
        assert {it: str(explanation.record[it]) for it in names} == {it: str(click[it]) for it in names}


def explained_at_alias(text: str) -> Explanation:
    user_agent, address = (line.partition(b": ")[2].decode() for line in VISITOR)
    texts = {"link": text, "user_agent": user_agent, "address": address}
    try:
        explain_request = read_explain_request(texts, paths=ClickPaths({"/ad": "ad", "/pl": "o"}))
    except BadExplainRequest:
        explain_request = read_explain_request(texts | {"link": "no token"})
    return asyncio.run(explain_once(explain_request))
