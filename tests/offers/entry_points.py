"""The two entry points of /offer, each a server that opens it alone, and what comes of a request there.

Where they differ on purpose, `REASONS` says why.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import redis

from devstack.services import LOCALHOST
from offers.click_log.stream import CONVERSIONS, LOG
from recipes.store.store import RecipeStore
from tests import web_servers
from tests.conformance.instance import QUEUE_URL, Instance, load_recipe
from tests.offers.exchanges import Answer, comparable, exchange

_MIDDLEWARE = "Django's middleware adds it; a redirect is shown in no frame and runs nothing"
# Headers that only answers of Django have, each with the reason why the others do without.
REASONS = {
    b"x-frame-options": _MIDDLEWARE,
    b"x-content-type-options": _MIDDLEWARE,
    b"referrer-policy": _MIDDLEWARE,
    b"cross-origin-opener-policy": _MIDDLEWARE,
    b"content-security-policy": _MIDDLEWARE,
    b"permissions-policy": _MIDDLEWARE,
    b"cross-origin-resource-policy": _MIDDLEWARE,
    b"x-request-id": "it names the lines that a request has logged, and a click logs none",
}
STAFF_HOST = "staff.example"
ALIASES = ("/ad?ad", "/pl?o")
# Of a click, what is another each time.
OF_THE_MOMENT = ("lid", "dateAdded", "ttl")


class Outcome(NamedTuple):
    """What came of one request."""

    answer: Answer
    clicks: list[dict[str, Any]]
    conversions: int


class EntryPoint:
    """One entry point."""

    def __init__(self, name: str, port: int, connection: redis.Redis) -> None:
        self.name = name
        self.port = port
        self.redis = connection
        self.cases = Instance(f"http://{LOCALHOST}:{port}", connection)

    def outcome(self, request: bytes) -> Outcome:
        """Send a request to an instance that has seen no visitor yet."""
        self.cases.forget_clicks()
        answer = exchange(self.port, request)
        return Outcome(self._comparable(answer), self._clicks(), self.redis.zcard(CONVERSIONS))

    def case(self, case: dict[str, Any]) -> Outcome:
        """Send a conformance case, and what comes before it."""
        self.cases.forget_clicks()
        for prior in case.get("prior") or []:
            self.cases.click_before(prior)
        for _ in range(case.get("repeat", 1)):
            got = self.cases.click(case)
        headers = {name.encode(): value.encode() for name, value in got.headers.items()}
        answer = Answer(b"HTTP/1.1 %d" % got.status_code, headers, got.content)
        return Outcome(self._comparable(answer), self._clicks(), self.redis.zcard(CONVERSIONS))

    def _comparable(self, answer: Answer) -> Answer:
        dropped = {b"date", *REASONS}
        headers = {name: comparable(value) for name, value in answer.headers.items() if name not in dropped}
        return Answer(answer.status_line, headers, comparable(answer.body))

    def _clicks(self) -> list[dict[str, Any]]:
        entries: Any = self.redis.xrange(LOG)
        return [
            {
                **{
                    name: value
                    for name, value in json.loads(comparable(kept[b"click"])).items()
                    if name not in OF_THE_MOMENT
                },
                "unique": kept[b"unique"],
            }
            for _, kept in entries
        ]


@contextmanager
def open_entry_points(redis_url: str) -> Iterator[list[EntryPoint]]:
    """A server for each entry point, with the recipe of the conformance cases; it empties the Redis.

    Their staff pages are at `STAFF_HOST` alone, and clicks arrive at `ALIASES` too.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(redis.Redis.from_url(redis_url))
        connection.flushall()
        load_recipe(RecipeStore(connection))
        variables = {
            "AWS_SQS_QUEUE_URL": QUEUE_URL,
            "CLICK_ALIASES": ",".join(ALIASES),
            "ALLOWED_HOSTS": STAFF_HOST,
        }
        servers = {
            "protocol": web_servers.protocol_server(**variables),
            "django": web_servers.protocol_server(
                "cotraffic.asgi:application", *web_servers.ALL_TO_DJANGO, **variables
            ),
        }
        entry_points = [
            EntryPoint(name, stack.enter_context(it).port, connection) for name, it in servers.items()
        ]
        for entry in entry_points:
            stack.callback(entry.cases.client.close)
        yield entry_points
