"""`process_…`: the web server's own use of the machine."""

import os
import signal
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from cotraffic.ops.metrics.processes import WebProcesses
from tests.processes import wait_until
from tests.servers import web_worker


def found(collector: WebProcesses) -> dict[str, float]:
    return {sample.name: sample.value for family in collector.collect() for sample in family.samples}


def served(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_process_that_serves_alone_counts_itself() -> None:
    metrics = found(WebProcesses(os.getpid()))
    assert metrics["process_cpu_seconds_total"] > 0
    assert metrics["process_resident_memory_bytes"] > 1_000_000
    assert metrics["process_open_fds"] >= 3


def test_processor_time_does_not_fall_when_a_worker_ends(redis_url: str, geoip_databases: None) -> None:
    with web_worker() as url:
        before = served(url)
        assert before["process_start_time_seconds"] > 1_500_000_000
        (worker,) = workers_of(url)
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: workers_of(url) not in ([], [worker]), what="another worker")
        assert served(url)["process_cpu_seconds_total"] >= before["process_cpu_seconds_total"]


def workers_of(url: str) -> list[int]:
    """The workers of the server at this URL, found by its port in the environment."""
    port = f"PORT={url.rpartition(':')[2]}".encode()
    masters, parents = set(), {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if port in (process / "environ").read_bytes().split(b"\0"):
                pid = int(process.name)
                parents[pid] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    masters = set(parents.values()) & parents.keys()
    return [pid for pid, parent in parents.items() if parent in masters]


def test_a_kernel_without_lists_of_children_still_gives_metrics(tmp_path: Path) -> None:
    for name in ("stat", str(os.getpid()), str(os.getppid())):
        (tmp_path / name).symlink_to(Path("/proc") / name)
    assert found(WebProcesses(os.getpid(), tmp_path))["process_cpu_seconds_total"] > 0
