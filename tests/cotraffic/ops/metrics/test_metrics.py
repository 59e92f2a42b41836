"""`/metrics`: what real workers count, that counters never go back, and who may read it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
import redis
from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.parser import text_string_to_metric_families

from cotraffic.ops.metrics import files
from cotraffic.ops.metrics.worker import WorkerMetrics
from devstack.services import LOCALHOST, Service, free_port, valkey_answers, valkey_command
from offers.click_log.commit import CommitCounts
from offers.links.tokens import encrypt, seal
from offers.stats.counters import MAX_REDIRECT_TYPES
from offers.stats.reader import StatsReader
from offers.stats.types import LATENCY_BOUNDS_MS, Counted
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from tests import http_client
from tests.environment import ENCRYPTION_KEY
from tests.processes import wait_until
from tests.recipe import make_live, offer_blob
from tests.servers import web_worker

SEALING_KEY = "0f" * 32
NO_COMMITS = msgspec.structs.asdict(CommitCounts())
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"cotraffic_{name}", frozenset(labels.items())]


def test_redirect_types_that_records_bring_are_bounded() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry, lambda: ({}, NO_COMMITS), {})
    for number in range(10 * MAX_REDIRECT_TYPES):
        metrics.on_counted(Counted(types={f"type {number}": 1}))
    (clicks,) = [family for family in registry.collect() if family.name == "cotraffic_clicks"]
    types = {sample.labels["redirect_type"] for sample in clicks.samples}
    assert len(types - {"", "other"}) == MAX_REDIRECT_TYPES
    assert registry.get_sample_value(
        "cotraffic_clicks_total", {"outcome": "redirected", "redirect_type": "other"}
    )


def test_latencies_are_added_to_their_buckets_with_their_sum() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry, lambda: ({}, NO_COMMITS), {})
    counts = [0] * (len(LATENCY_BOUNDS_MS) + 1)
    counts[LATENCY_BOUNDS_MS.index(1)] = 3
    counts[-1] = 1
    metrics.on_counted(Counted(latency=counts, seconds=2.5))
    metrics.on_counted(Counted(latency=counts, seconds=2.5))
    name = "cotraffic_click_answer_seconds"
    assert registry.get_sample_value(f"{name}_bucket", {"le": "0.00075"}) == 0
    assert registry.get_sample_value(f"{name}_bucket", {"le": "0.001"}) == 6
    assert registry.get_sample_value(f"{name}_count") == 8
    assert registry.get_sample_value(f"{name}_sum") == 5.0


def test_files_of_a_worker_that_starts_or_dies_hold_nobody_up(tmp_path: Path) -> None:
    """They are empty for a moment, or deleted between the look at the directory and that at the file."""
    (tmp_path / "gauge_livesum_2.db").symlink_to("deleted")
    for name in ("counter_0.db", "histogram_0.db", "gauge_livesum_0.db"):
        (tmp_path / name).touch()
    counters = MmapedDict(str(tmp_path / "counter_1.db"))  # type: ignore[no-untyped-call]
    counters.write_value(mmap_key("clicks", "clicks_total", [], [], "Clicks."), 3.0, 0.0)  # type: ignore[no-untyped-call]
    (clicks,) = files.WorkersCollector(tmp_path).collect()
    assert [sample.value for sample in clicks.samples] == [3.0]
    counters.close()  # type: ignore[no-untyped-call]


def test_a_new_worker_takes_the_lowest_slot_that_is_free() -> None:
    assert [files.free_slot(taken) for taken in ([], [0, 1], [1, 2], [0, 2])] == [0, 2, 0, 1]


def test_a_process_has_one_directory_and_clears_up_after_those_that_were_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    beyond_the_last_pid = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    (tmp_path / f"co-traffic-metrics-{beyond_the_last_pid}-x").mkdir()
    (tmp_path / f"co-traffic-metrics-{os.getppid()}-x").mkdir()
    directory = files.own_directory()
    assert files.own_directory() == directory
    assert set(tmp_path.iterdir()) == {directory, tmp_path / f"co-traffic-metrics-{os.getppid()}-x"}


@pytest.fixture(scope="module")
def valkey_here(geoip_databases: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    port = free_port()
    command = valkey_command(port, tmp_path_factory.mktemp("valkey"))
    with Service("valkey", command, port, valkey_answers) as service:
        with redis.Redis(port=port) as client:
            store = RecipeStore(client)
            make_live(store, RecipeKind.OFFERS, {1: offer_blob(1)})
            make_live(store, RecipeKind.CAMPAIGNS, {1: b'{"campaignId": 1, "campaignStatus": "active"}'})
        yield service


@pytest.fixture(scope="module")
def workers(valkey_here: Service) -> Iterator[httpx.Client]:
    """Two workers."""
    url = f"redis://{LOCALHOST}:{valkey_here.port}/0"
    with (
        web_worker(
            REDIS_URL=url,
            WEB_CONCURRENCY="2",
            METRICS_ALLOW="127.0.0.1,10.20.0.0/16",
            AD_TOKEN_KEYS=f"k:{SEALING_KEY}",
        ) as base_url,
        http_client.Client(base_url=base_url, headers={"Connection": "close"}) as client,
    ):
        yield client


def samples(client: httpx.Client) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return parsed(answer.text)


def redirected(client: httpx.Client) -> float:
    return value(samples(client), "clicks_total", outcome="redirected", redirect_type="defaultRedirection")


def click(client: httpx.Client, times: int) -> None:
    path = f"/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}"
    assert [client.get(path).status_code for _ in range(times)] == [302] * times


def test_clicks_of_all_workers_are_counted_by_outcome_and_type(workers: httpx.Client) -> None:
    before, refused_before = redirected(workers), outcome(workers, "bad_token")
    click(workers, 20)
    workers.get("/offer?ad=nothing")
    wait_until(lambda: redirected(workers) == before + 20, what="a count of 20 clicks")
    wait_until(lambda: outcome(workers, "bad_token") == refused_before + 1, what="a count of the refusal")
    now = samples(workers)
    assert value(now, "click_answer_seconds_count") == before + 20
    assert value(now, "clicks_written_total", to="log") == before + 20
    assert value(now, "click_log_entries") == before + 20
    assert value(now, "click_log_undelivered") == before + 20
    assert value(now, "recipe_records", kind="offers") == 1


def tokens(client: httpx.Client, form: str) -> float:
    return value(samples(client), "ad_tokens_total", form=form)


def test_clicks_are_counted_by_the_form_of_their_link(workers: httpx.Client) -> None:
    sealed = seal(1, 1, "k", bytes.fromhex(SEALING_KEY))
    before = tokens(workers, "v1"), tokens(workers, "v2")
    click(workers, 2)
    # Damage around a token does not change its form, a token that cannot be read has none.
    statuses = [
        workers.get(f"/offer?ad={ad}").status_code for ad in (sealed, f"<{sealed}>.", "ab:cd", "v2.k.x")
    ]
    assert statuses == [302, 302, 404, 404]
    wait_until(lambda: tokens(workers, "v2") == before[1] + 2, what="a count of the v2 links")
    wait_until(lambda: tokens(workers, "v1") == before[0] + 2, what="a count of the old links")


def outcome(client: httpx.Client, name: str) -> float:
    return value(samples(client), "clicks_total", outcome=name, redirect_type="")


def test_counters_survive_the_worker_that_counted(workers: httpx.Client, valkey_here: Service) -> None:
    click(workers, 10)
    with redis.Redis(port=valkey_here.port) as client:
        # Whatever was counted is published, so that both agree on what there is.
        logged = client.xlen("clicks")
        wait_until(lambda: redirected(workers) == logged, what="a count of all clicks")
        pids = worker_pids(client)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: worker_pids(client).isdisjoint(pids) and value_or_none(workers) == 2)
        assert redirected(workers) >= logged
        click(workers, 5)
        wait_until(lambda: redirected(workers) == logged + 5, what="a count that goes on")


def worker_pids(client: redis.Redis) -> set[int]:
    """The two workers that were heard of last."""
    return {worker.pid for worker in StatsReader(client).workers(time.time())[-2:]}


def value_or_none(client: httpx.Client) -> float | None:
    """How many workers there are; None while none of them answers."""
    try:
        return value(samples(client), "workers")
    except httpx.TransportError:
        return None


def both_workers_know_the_records(client: httpx.Client) -> bool:
    click(client, 4)
    now = samples(client)
    return all(value(now, "cache_entries", cache=kind) == 2 for kind in ("offers", "campaigns"))


def test_what_workers_count_can_be_read_while_redis_is_away(
    workers: httpx.Client, valkey_here: Service
) -> None:
    # Without Redis they cannot ask for records.
    wait_until(lambda: both_workers_know_the_records(workers), what="clicks at both workers")
    valkey_here.stop()
    try:
        click(workers, 4)
        wait_until(lambda: value(samples(workers), "clicks_written_total", to="spool") >= 4)
        now = samples(workers)
        assert value(now, "redis_up") == 0
        assert value(now, "spool_files") >= 1
    finally:
        valkey_here.start()
    wait_until(lambda: value(samples(workers), "redis_up") == 1, what="Redis")
    wait_until(lambda: value(samples(workers), "clicks_replayed_total") >= 4, what="the replay")


@pytest.mark.parametrize(
    ("client_address", "status"), [("10.20.1.2", 200), ("10.21.1.2", 404), ("2001:db8::1", 404)]
)
def test_a_client_behind_a_trusted_proxy_counts_by_its_own_address(
    workers: httpx.Client, client_address: str, status: int
) -> None:
    answer = workers.get("/metrics", headers={"X-Forwarded-For": client_address})
    assert answer.status_code == status
    assert ("cotraffic_" in answer.text) == (status == 200)


@pytest.mark.parametrize("named", ["unknown", "_hidden", "10.20.1.2, unknown", "for=10.20.1.2", "", ","])
def test_a_client_whom_a_trusted_proxy_does_not_name_is_not_taken_for_the_proxy(
    workers: httpx.Client, named: str
) -> None:
    assert workers.get("/metrics", headers={"X-Forwarded-For": named}).status_code == 404


def test_openmetrics_is_spoken_where_it_is_asked_for(workers: httpx.Client) -> None:
    answer = workers.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
