"""docs/metrics.md, the alerts and the dashboard: they name what there is, and all that there is."""

import ast
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cotraffic.ops.heartbeats import Heartbeat, publish_heartbeat
from recipes.records.kinds import RecipeKind
from recipes.store.status import HostState, ListenerState
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from tests import http_client
from tests.processes import PROJECT
from tests.recipe import offer_blob
from tests.servers import web_worker

PAGE = (PROJECT / "docs" / "metrics.md").read_text()
OPERATING = (PROJECT / "docs" / "operating.md").read_text()
RULES: dict[str, Any] = yaml.safe_load((PROJECT / "deploy" / "alerts.yml").read_text())
ALERTS: list[dict[str, Any]] = RULES["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((PROJECT / "deploy" / "grafana-dashboard.json").read_text())
METRIC = re.compile(r"\b(?:cotraffic|process)_\w+")
# A metric named in the first column of a table is explained by its row.
ROWS = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
EXPLAINED = {name for row in ROWS for name in METRIC.findall(row)}
EVENTS = {name for row in ROWS for name in re.findall(r"`([^`]+)`", row)} - EXPLAINED
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}


@pytest.fixture(scope="module")
def metrics(redis_url: str, geoip_databases: None) -> dict[str, str]:
    """The type of every metric, by name, of an instance of which all is known."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        store = RecipeStore(client)
        now_ms = int(time.time() * 1000)
        for kind in RecipeKind:
            writer = store.begin(kind)
            writer.add({1: offer_blob(1) if kind is RecipeKind.OFFERS else b'{"campaignId": 1}'})
            meta = RecipeMeta(count=1, digest="0f", loaded_at_ms=1, checked_at_ms=1, last_modified_ms=now_ms)
            store.swap(writer, meta)
        with web_worker() as url:
            # Now, for they are forgotten in seconds.
            host = HostState("http://user:password@corecipe.example:3001", now_ms, now_ms, now_ms, "7")
            store.publish_listener_state(ListenerState(1, now_ms, [host], {"applied": 1}, 0, {}))
            publish_heartbeat(client, Heartbeat("beat", 1, 0.0, time.time()))
            text = http_client.get(f"{url}/metrics").text
    assert 'host="corecipe.example:3001"' in text
    assert "password" not in text
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in text_string_to_metric_families(text)
    }


def test_every_metric_is_explained_and_none_that_does_not_exist(metrics: dict[str, str]) -> None:
    assert metrics.keys() == EXPLAINED


def known(expression: str, metrics: dict[str, str]) -> bool:
    histograms = [name for name, kind in metrics.items() if kind == "histogram"]
    series = {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")} | set(metrics)
    return set(METRIC.findall(expression)) <= series


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_asks_for_metrics_that_exist(rule: dict[str, Any], metrics: dict[str, str]) -> None:
    assert known(rule["expr"], metrics)
    assert rule["expr"].count("(") == rule["expr"].count(")")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert "{{ $labels.instance }}" in rule["annotations"]["summary"]


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_links_to_its_section(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page.endswith("/docs/operating.md")
    assert anchor == rule["alert"].lower()


def test_every_alert_has_a_section_that_says_what_to_do_and_none_is_left_over() -> None:
    headings = re.findall(r"^### (Cotraffic\w+)$", OPERATING, re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]
    for section in re.split(r"^### Cotraffic\w+$", OPERATING, flags=re.MULTILINE)[1:]:
        assert re.search(r"^1\. ", section, re.MULTILINE), section[:80]


def test_an_alert_that_a_page_sends_its_reader_to_exists() -> None:
    named = set(re.findall(r"Cotraffic\w+", PAGE + OPERATING))
    assert named <= {rule["alert"] for rule in ALERTS}


def queries() -> list[str]:
    panels = [panel for row in DASHBOARD["panels"] for panel in (row, *row.get("panels", []))]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def test_the_dashboard_asks_for_metrics_that_exist(metrics: dict[str, str]) -> None:
    assert len(queries()) > 20
    for query in queries():
        assert known(query, metrics), query
        assert METRIC.search(query), query
        assert query.count("(") == query.count(")"), query


def test_the_dashboard_has_room_for_every_panel() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & places, panel["title"]
        places |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def logged_events() -> set[str]:
    """The first argument of every call of a logger in our own code."""
    found = set()
    for package in ("cotraffic", "offers", "recipes"):
        for path in (PROJECT / package).rglob("*.py"):
            found |= set(_events_of(path))
    return found


def _events_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        of = node.func.value
        if node.func.attr in LEVELS and isinstance(of, ast.Name) and of.id in ("logger", "log"):
            event, place = node.args[0], f"{path}:{node.lineno}"
            assert isinstance(event, ast.Constant), f"{place}: an event is a fixed sentence"
            assert "%" not in str(event.value), f"{place}: what an event is about are its fields"
            yield str(event.value)


def test_every_event_is_explained_and_none_that_is_never_logged() -> None:
    assert logged_events() == EVENTS
