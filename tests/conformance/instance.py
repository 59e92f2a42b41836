"""An instance with the conformance recipe live in its Redis, and the clicks of the cases."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import redis

from offers.click_log.stream import CONVERSIONS, LOG
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import http_client
from tests.conformance.comparison import comparable_conversion
from tests.processes import DEADLINE_SECONDS
from tests.recipe import change_record, make_live

HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases.json").read_text())
RECIPE = {kind: json.loads((HERE / f"{kind.value}.json").read_text()) for kind in RecipeKind}
KINDS = {"offer": RecipeKind.OFFERS, "campaign": RecipeKind.CAMPAIGNS}
KNOWN_LINK = next(case["token"] for case in CASES if case["id"] == "default-004")
SEEN_WITHIN_SECONDS = DEADLINE_SECONDS
# It is never asked: conversion messages are read where they wait.
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/1/q.fifo"


def load_recipe(store: RecipeStore) -> None:
    """Make the recipe of the cases live."""
    for kind in RecipeKind:
        make_live(store, kind, {r[kind.id_field]: json.dumps(r).encode() for r in RECIPE[kind]})


class Instance:
    """One web worker of it."""

    def __init__(self, url: str, connection: redis.Redis) -> None:
        self.client = http_client.Client(base_url=url, follow_redirects=False)
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
