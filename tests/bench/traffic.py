"""Traffic to measure with: recipes of any size, the links into them, and clicks as browsers send them."""

import json
import random
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from django.conf import settings

from devstack.geoip import Network, write_databases
from offers.links.tokens import encrypt
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from tests.bench.chains import CHAINS, chain_campaigns, chain_offers
from tests.bench.load import COUNTRIES, campaigns, offers

ADDED_TOGETHER = 1000
NETWORKS = 600
# So many links carry all the traffic of a recipe, where it has as many.
ACTIVE_LINKS = 10_000

Requests = Iterator[bytes]

_CHROME = (
    "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) "
    + "Chrome/{version}.0.{build}.0 {kind}Safari/537.36"
)
_SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS {version}_{minor} like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/{version}.{minor} Mobile/15E{build} Safari/604.1"
)
_SYSTEMS = (
    ("Windows NT 10.0; Win64; x64", "", '"Windows"'),
    ("Macintosh; Intel Mac OS X 10_15_7", "", '"macOS"'),
    ("X11; Linux x86_64", "", '"Linux"'),
    ("Linux; Android 10; K", "Mobile ", '"Android"'),
)
_LANGUAGES = (
    "en-US,en;q=0.9",
    "fr-FR,fr;q=0.9,en;q=0.8",
    "de-DE,de;q=0.9",
    "es-ES,es;q=0.9",
    "pt-BR,pt;q=0.9",
)


def make_recipe(store: RecipeStore, records: int) -> int:
    """Make a recipe of so many records live, a third of them offers; gives how many campaigns it has.

    The offers and campaigns of the longest chains of rules come on top.
    """
    offer_count = records // 3
    campaign_count = records - offer_count
    for kind, found in (
        (RecipeKind.OFFERS, chain(offers(offer_count), chain_offers())),
        (RecipeKind.CAMPAIGNS, chain(campaigns(campaign_count, offer_count), chain_campaigns())),
    ):
        writer, count = store.begin(kind), 0
        while batch := list(islice(found, ADDED_TOGETHER)):
            writer.add({record[kind.id_field]: json.dumps(record).encode() for record in batch})
            count += len(batch)
        store.swap(writer, RecipeMeta(count=count))
    return campaign_count


def make_places() -> None:
    """Write GeoIP databases in which every address of `address` is somewhere."""
    chance = random.Random(3)
    networks = [
        Network(
            cidr=f"{20 + number // 256}.{number % 256}.0.0/16",
            country=chance.choice(COUNTRIES),
            region=f"R{number % 50}",
            city=f"City {number}",
            isp=f"Provider {number % 40}",
        )
        for number in range(NETWORKS)
    ]
    write_databases(networks, Path(settings.MAXMIND_PATH), Path(settings.MAXMIND_PATH_ISP))


def links(campaign_count: int, offer_count: int) -> list[str]:
    """Tokens of the links that carry the traffic, spread evenly over the recipe."""
    count = min(ACTIVE_LINKS, campaign_count)
    return [
        encrypt(1 + at * offer_count // count, 1 + at * campaign_count // count, settings.ENCRYPTION_KEY)
        for at in range(count)
    ]


def fresh_links(campaign_count: int, offer_count: int, chance: random.Random) -> Iterator[str]:
    """Tokens without end, none like another, into the same records as `links`."""
    count = min(ACTIVE_LINKS, campaign_count)
    while True:
        at = chance.randrange(count)
        pair = 1 + at * offer_count // count, 1 + at * campaign_count // count
        yield encrypt(*pair, settings.ENCRYPTION_KEY)


def mixed(tokens: list[str], visitors: int, count: int) -> Requests:
    """Clicks on links of unequal success, by visitors of whom most come more than once."""
    chance = random.Random(4)
    people = [person(chance) for _ in range(visitors)]
    for _ in range(count):
        # A tenth of the links gets more than half of the clicks.
        token = tokens[int(len(tokens) * chance.random() ** 3)]
        yield click(token, chance.choice(people), chance)


def mixed_once(tokens: list[str], visitors: int) -> Requests:
    """A click on each of the links, by visitors who come again."""
    chance = random.Random(4)
    people = [person(chance) for _ in range(visitors)]
    for token in tokens:
        yield click(token, chance.choice(people), chance)


def strangers(tokens: Iterator[str], count: int) -> Requests:
    """Clicks by visitors of whom each has an address and a user agent of his own."""
    chance = random.Random(5)
    for token in islice(tokens, count):
        yield click(token, person(chance), chance)


def chained(count: int, visitors: int) -> Requests:
    """Clicks of which each asks every rule, exits, and goes from offer to offer."""
    chance = random.Random(6)
    people = [person(chance) for _ in range(visitors)]
    tokens = [encrypt(*pair, settings.ENCRYPTION_KEY) for pair in CHAINS]
    for _ in range(count):
        yield click(chance.choice(tokens), chance.choice(people), chance)


def person(chance: random.Random) -> list[bytes]:
    """The headers that a visitor's browser and the load balancer in front of us send."""
    number = chance.randrange(NETWORKS)
    address = f"{20 + number // 256}.{number % 256}.{chance.randrange(256)}.{chance.randrange(256)}"
    hints: list[str] = []
    if chance.random() < 0.4:
        minor, build = chance.randrange(8), chance.randrange(100, 400)
        agent = _SAFARI.format(version=chance.randrange(14, 19), minor=minor, build=build)
    else:
        system, kind, platform = chance.choice(_SYSTEMS)
        version = chance.randrange(110, 130)
        agent = _CHROME.format(system=system, version=version, build=chance.randrange(4000, 7000), kind=kind)
        hints = [
            f'sec-ch-ua: "Chromium";v="{version}", "Google Chrome";v="{version}"',
            f"sec-ch-ua-mobile: ?{int(bool(kind))}",
            f"sec-ch-ua-platform: {platform}",
        ]
    headers = [
        "Host: track.example.com",
        f"User-Agent: {agent}",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
        "Accept-Encoding: gzip, deflate, br",
        f"Accept-Language: {chance.choice(_LANGUAGES)}",
        *hints,
        f"X-Forwarded-For: {address}",
    ]
    return [header.encode() for header in headers]


def click(token: str, headers: list[bytes], chance: random.Random) -> bytes:
    """One request."""
    referer = b"Referer: https://publisher-%d.example.com/article" % chance.randrange(200)
    cid = b"%016x" % chance.getrandbits(64)
    line = b"GET /offer?ad=%b&subid=s-%d&cid=%b HTTP/1.1" % (token.encode(), chance.randrange(500), cid)
    return b"\r\n".join([line, *headers, referer, b"", b""])
