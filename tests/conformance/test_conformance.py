"""Every click of the conformance cases, sent to the real application over a socket.

`expected_differences.json` lists, by id, the cases where the older implementation is not followed: why, and
what we answer instead.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from offers.click_log import CONVERSIONS, LOG
from recipes.store import RecipeKind, RecipeStore
from tests.conformance.comparison import comparable_conversion, comparable_location, differences
from tests.recipe import change_record, make_live
from tests.servers import web_worker

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases.json").read_text())
EXPECTED_DIFFERENCES = json.loads((HERE / "expected_differences.json").read_text())
RECIPE = {kind: json.loads((HERE / f"{kind.value}.json").read_text()) for kind in RecipeKind}
KINDS = {"offer": RecipeKind.OFFERS, "campaign": RecipeKind.CAMPAIGNS}
KNOWN_LINK = next(case["token"] for case in CASES if case["id"] == "default-004")
SEEN_WITHIN_SECONDS = 5.0


class Instance:
    """A web worker with the conformance recipe live in its Redis."""

    def __init__(self, url: str, connection: redis.Redis) -> None:
        self.client = httpx.Client(base_url=url, follow_redirects=False)
        self.redis = connection
        self.store = RecipeStore(connection)

    def click(self, case: dict[str, Any], *extra: tuple[str, str]) -> httpx.Response:
        """Send the case's click, as its author sent it."""
        path = {"/PL": "/OFFER"}.get(case.get("path", "/offer"), case.get("path", "/offer"))
        query = [("ad" if name == "o" else name, value) for name, value in case["query"]]
        token = [("ad", case["token"])] if case["token"] is not None else []
        headers = {"User-Agent": "", **case["headers"]}
        return self.client.get(path, params=[*token, *query, *extra], headers=headers)

    def click_before(self, prior: dict[str, Any]) -> None:
        """Send a click that came before the case's own."""
        params = [("ad", prior["o"]), *prior["query"]]
        headers = {
            "User-Agent": prior["userAgent"],
            "Accept-Language": "en-US,en;q=0.9",
            "X-Forwarded-For": prior["ip"],
        }
        for _ in range(prior["count"]):
            assert self.client.get("/offer", params=params, headers=headers).status_code == 302

    def forget_clicks(self) -> None:
        """Empty the log, and forget who was seen."""
        keys = [LOG, CONVERSIONS, *self.redis.scan_iter("seen:*")]
        self.redis.delete(*keys)

    def written(self) -> dict[str, Any]:
        """What the newest click left behind."""
        entries: Any = self.redis.xrevrange(LOG, count=1)
        unique = {"1": True, "0": False, "": None}[entries[0][1][b"unique"].decode()]
        messages: Any = self.redis.zrange(CONVERSIONS, 0, -1)
        return {
            "isUniqueVisit": unique,
            "conversion": [comparable_conversion(json.loads(message)) for message in messages],
        }

    def apply(self, setup: list[dict[str, Any]]) -> None:
        """Put the records of a case in place, and wait until the worker knows."""
        for message in setup:
            record_id, kind = message["id"], KINDS[message["type"]]
            if message["action"] == "delete":
                version = change_record(self.store, kind, record_id, None)
            elif isinstance(json.loads(message["body"]), dict):
                version = change_record(self.store, kind, record_id, message["body"].encode())
            else:
                continue
            self.wait_for(version)

    def undo(self, setup: list[dict[str, Any]]) -> None:
        """Put the recipe's own records back."""
        for message in setup:
            record_id, kind = message["id"], KINDS[message["type"]]
            original = [r for r in RECIPE[kind] if r[kind.id_field] == record_id]
            if original:
                version = change_record(self.store, kind, record_id, json.dumps(original[0]).encode())
            else:
                version = change_record(self.store, kind, record_id, None)
            self.wait_for(version)

    def wait_for(self, version: int) -> None:
        """Wait until the worker answers from this version of the recipe or a later one."""
        deadline = time.monotonic() + SEEN_WITHIN_SECONDS
        while time.monotonic() < deadline:
            answer = self.client.get("/offer", params={"ad": KNOWN_LINK, "debug": "debug"})
            if answer.json()["recipeVersion"] >= version:
                return
        raise AssertionError(f"the worker does not know of version {version}")


@pytest.fixture(scope="module")
def instance(redis_url: str, geoip_databases: None) -> Iterator[Instance]:
    """A worker, and the recipe of the cases."""
    connection = redis.Redis.from_url(redis_url)
    connection.flushall()
    store = RecipeStore(connection)
    for kind in RecipeKind:
        make_live(store, kind, {r[kind.id_field]: json.dumps(r).encode() for r in RECIPE[kind]})
    # The queue is never asked: its messages are read where they wait.
    with web_worker(AWS_SQS_QUEUE_URL="https://sqs.us-east-1.amazonaws.com/1/q.fifo") as url:
        instance = Instance(url, connection)
        yield instance
        instance.client.close()
    connection.close()


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_case(instance: Instance, case: dict[str, Any]) -> None:
    setup = case.get("setup") or []
    instance.apply(setup)
    instance.forget_clicks()
    try:
        for prior in case.get("prior") or []:
            instance.click_before(prior)
        found = _repeated(instance, case) if "one_of" in case["reference_answer"] else _once(instance, case)
    finally:
        instance.undo(setup)
    expected = EXPECTED_DIFFERENCES.get(case["id"], {"ours": {}})["ours"]
    assert {name: ours for name, (_, ours) in found.items()} == expected, found


def _once(instance: Instance, case: dict[str, Any]) -> dict[str, Any]:
    debug = instance.click(case, ("debug", "debug")).json()
    answer = instance.click(case)
    return differences(
        wanted(case),
        answer.status_code,
        answer.headers.get("location"),
        debug.get("data", {}),
        instance.written() if answer.status_code == 302 else None,
    )


def wanted(case: dict[str, Any]) -> dict[str, Any]:
    """The reference's answer, without uniqueness where the link asks to leave it out: there it is random."""
    reference: dict[str, Any] = case["reference_answer"]
    if ["fp", "disabled"] in case["query"] and "click" in reference:
        return {**reference, "click": {**reference["click"], "isUniqueVisit": None}}
    return reference


def _repeated(instance: Instance, case: dict[str, Any]) -> dict[str, Any]:
    """The case's click over and over: every answer is among those allowed, and all in equal shares."""
    allowed = {comparable_location(answer["location"]) for answer in case["reference_answer"]["one_of"]}
    seen = Counter(
        comparable_location(instance.click(case).headers["location"]) for _ in range(case["repeat"])
    )
    found: dict[str, Any] = {}
    if set(seen) != allowed:
        found["locations"] = (sorted(map(str, allowed)), sorted(map(str, seen)))
    if max(seen.values()) - min(seen.values()) > 1:
        found["shares"] = ("equal", dict(seen))
    return found
