"""Every click of the conformance cases, sent to the real application over a socket.

`expected_differences.json` lists, by id, the cases where the older implementation is not followed: why, and
what we answer instead.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from recipes.store.store import RecipeStore
from tests.conformance.comparison import comparable_location, differences
from tests.conformance.instance import CASES, HERE, QUEUE_URL, Instance, load_recipe
from tests.servers import web_worker

EXPECTED_DIFFERENCES = json.loads((HERE / "expected_differences.json").read_text())


@pytest.fixture(scope="module")
def instance(redis_url: str, geoip_databases: None) -> Iterator[Instance]:
    """A worker, and the recipe of the cases."""
    connection = redis.Redis.from_url(redis_url)
    connection.flushall()
    load_recipe(RecipeStore(connection))
    with web_worker(AWS_SQS_QUEUE_URL=QUEUE_URL) as url:
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
