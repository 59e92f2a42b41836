"""Metrics of the whole instance, collected at each request: click log, spool, recipe, co-recipe."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from cotraffic.ops.heartbeats import BEAT, heartbeats
from offers.click_log.status import disk_room
from offers.click_log.stream import ClickLog
from offers.click_log.types import ArchiveStatus
from offers.delivery.backoff import DeliveryBackoff
from offers.spool.directory import SUFFIX
from recipes.corecipe.updates import UpdateOutcome
from recipes.records.kinds import RecipeKind
from recipes.store.status import ListenerState
from recipes.store.store import RecipeStore
from recipes.store.types import RecipeMeta
from recipes.sync.outcomes import sync_counts

T = TypeVar("T")
# Four heartbeat intervals.
SILENT_SECONDS = 20.0
UPDATE_OUTCOMES = tuple(outcome.value for outcome in UpdateOutcome)


class InstanceCollector(Collector):
    """Reads Redis and the spool's directory each time; while Redis is away, reports that and the spool."""

    def __init__(self, redis: Redis, spool_directory: Path) -> None:
        self._redis = redis
        self._spool = spool_directory
        self._log = ClickLog(redis)
        self._store = RecipeStore(redis)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that can be collected now."""
        build = "The version of co-traffic, the commit of its image, and what the instance is called."
        info = GaugeMetricFamily(
            "cotraffic_build_info", build, labels=["version", "revision", "instance_name"]
        )
        info.add_metric([settings.VERSION, settings.REVISION, settings.INSTANCE_NAME], 1)
        yield info
        yield from self._of_spool()
        try:
            found = [
                *self._of_redis(),
                *self._of_clicks(),
                *self._of_archive(),
                *self._of_recipe(),
                *self._of_listener(),
                *self._of_background(),
            ]
        except (RedisError, OSError):
            yield _gauge("redis_up", "Whether this instance's Redis answers.", 0)
            return
        yield _gauge("redis_up", "Whether this instance's Redis answers.", 1)
        yield from found

    def _of_spool(self) -> Iterator[Metric]:
        sizes = []
        for path in self._spool.glob(f"*{SUFFIX}"):
            # The file may be replayed and deleted between listing it and reading its size.
            with suppress(OSError):
                sizes.append(path.stat().st_size)
        yield _gauge("spool_files", "Files of clicks that wait for Redis.", len(sizes))
        yield _gauge("spool_bytes", "Bytes of clicks that wait for Redis.", sum(sizes))
        free, size = disk_room(self._spool)
        yield _gauge("spool_disk_free_bytes", "Free room on the disk of the spool.", free)
        yield _gauge("spool_disk_bytes", "Size of the disk of the spool.", size)

    def _of_redis(self) -> Iterator[Metric]:
        memory = self._redis.info("memory")
        persistence = self._redis.info("persistence")
        yield _gauge("redis_memory_bytes", "Memory that Redis uses.", memory["used_memory"])
        limit = "Memory that Redis may use, 0 without a limit."
        yield _gauge("redis_memory_limit_bytes", limit, memory["maxmemory"])
        is_kept = persistence["aof_enabled"] and persistence["aof_last_write_status"] == "ok"
        yield _gauge("redis_append_only", "Whether Redis writes its append-only file.", int(bool(is_kept)))

    def _of_clicks(self) -> Iterator[Metric]:
        status = self._log.status()
        yield _gauge("click_log_entries", "Clicks in the log, delivered or not.", status.length)
        yield _gauge("click_log_undelivered", "Clicks in the log that wait for DynamoDB.", status.backlog)
        age = "Age of the oldest click that waits for DynamoDB, 0 without any."
        yield _gauge("click_log_oldest_undelivered_seconds", age, status.oldest_age_seconds or 0)
        yield _counter("clicks_delivered", "Clicks that DynamoDB took.", status.delivered)
        troubled = "Whether DynamoDB failed the last time, so that delivery pauses."
        yield _gauge("delivery_troubled", troubled, int(DeliveryBackoff(self._log.redis).is_troubled()))
        dead = GaugeMetricFamily(
            "cotraffic_dead_letters",
            "Clicks and conversion messages that AWS refuses for good.",
            labels=["of"],
        )
        dead.add_metric(["clicks"], status.dead_letters)
        dead.add_metric(["conversions"], status.conversions_dead)
        yield dead
        dropped = CounterMetricFamily(
            "cotraffic_dead_letters_dropped",
            "Dead letters that were dropped because there were too many.",
            labels=["of"],
        )
        dropped.add_metric(["clicks"], status.dead_dropped)
        dropped.add_metric(["conversions"], status.dead_conversions_dropped)
        yield dropped
        yield _gauge("conversions_waiting", "Conversion messages to be sent.", status.conversions_waiting)
        yield _gauge("conversions_due", "Conversion messages that are due now.", status.conversions_due)

    def _of_archive(self) -> Iterator[Metric]:
        status = self._log.archive_status() or ArchiveStatus()
        yield _gauge("archive_waiting", "Clicks in the log that wait for the archive.", status.backlog)
        age = "Age of the oldest click that waits for the archive, 0 without any."
        yield _gauge("archive_oldest_waiting_seconds", age, status.oldest_age_seconds or 0)
        yield _counter(
            "clicks_archived", "Entries of the log that the archive is done with.", status.archived
        )
        missing = "Delivered clicks that Redis had no room for until they were archived."
        yield _counter("archive_dropped", missing, status.dropped)
        for name, outcome in (("write", status.write), ("upload", status.upload)):
            failing = f"Whether the archive's last {name} failed."
            yield _gauge(f"archive_{name}_failing", failing, int(bool(outcome and outcome.error)))

    def _of_recipe(self) -> Iterator[Metric]:
        metas = {kind: self._store.meta(kind) for kind in RecipeKind}
        counts = {kind: self._store.live_count(kind) for kind in RecipeKind}
        holds = {kind: self._store.holds.of(kind).first for kind in RecipeKind}
        yield _by_kind(
            "recipe_generation", "Number of the live generation, 0: none.", metas, lambda m: m.generation
        )
        live = GaugeMetricFamily("cotraffic_recipe_records", "Records that are live.", labels=["kind"])
        for kind, count in counts.items():
            live.add_metric([kind.value], count)
        yield live
        failing = "Whether the last try to replace the live recipe failed."
        yield _by_kind("recipe_failing", failing, metas, lambda m: int(m.last_error is not None))
        rejected = "Records of the live generation's file that could not be used."
        yield _by_kind("recipe_rejected_records", rejected, metas, lambda m: sum(m.rejected.values()))
        kept = "Live records that stay as they were, since the file's version of them cannot be used."
        yield _by_kind("recipe_kept_records", kept, metas, lambda m: m.kept_count)
        carried = (
            "Live records that the file lacks, and that stay since it holds elements that are no records."
        )
        yield _by_kind("recipe_carried_records", carried, metas, lambda m: m.carried)
        undone = "Live records that stay as an update has them that the file was made before."
        yield _by_kind("recipe_updates_kept", undone, metas, lambda m: m.undone)
        info = "The file that is live, by its MD5: the same on instances that have the same recipe."
        files = GaugeMetricFamily("cotraffic_recipe_info", info, labels=["kind", "digest"])
        for kind, meta in metas.items():
            if meta.digest:
                files.add_metric([kind.value, meta.digest], 1)
        yield files
        on_hold = (
            "Whether syncs wait for a person: somebody reviews a preview, or has decided against a file."
        )
        yield _by_kind("recipe_on_hold", on_hold, holds, lambda hold: int(hold is not None))
        held = "Whether the file in S3 is held back, for it looks damaged."
        yield _by_kind("recipe_held_back", held, metas, lambda m: int(m.held is not None))
        defects = "Values of the live generation's file that could not be read."
        yield _by_kind("recipe_defects", defects, metas, lambda m: m.defect_count)
        for name, help_text, field in (
            ("loaded", "When the live generation was loaded.", "loaded_at_ms"),
            ("file", "When the live generation's file was uploaded.", "last_modified_ms"),
            ("checked", "When S3 was last seen to have what is live.", "checked_at_ms"),
        ):
            yield _times(f"recipe_{name}_timestamp_seconds", help_text, metas, field)
        syncs = CounterMetricFamily(
            "cotraffic_recipe_syncs", "Syncs by how they ended.", labels=["kind", "outcome"]
        )
        for kind in RecipeKind:
            for outcome, count in sync_counts(self._redis, kind).items():
                syncs.add_metric([kind.value, outcome.value], count)
        yield syncs

    def _of_listener(self) -> Iterator[Metric]:
        state = self._store.listener_state()
        yield _gauge("listener_up", "Whether the listener runs.", int(state is not None))
        if state is not None:
            yield from _of_running_listener(state)

    def _of_background(self) -> Iterator[Metric]:
        now = time.time()
        heard = {each.name for each in heartbeats(self._redis, now) if now - each.heard_s < SILENT_SECONDS}
        alive = "Whether Celery's worker and beat tell of themselves."
        up = GaugeMetricFamily("cotraffic_background_up", alive, labels=["process"])
        up.add_metric(["beat"], int(BEAT in heard))
        up.add_metric(["worker"], int(bool(heard - {BEAT})))
        yield up


def _of_running_listener(state: ListenerState) -> Iterator[Metric]:
    connected = GaugeMetricFamily(
        "cotraffic_corecipe_connected", "Whether there is a connection to co-recipe.", labels=["host"]
    )
    answered = GaugeMetricFamily(
        "cotraffic_corecipe_answered_timestamp_seconds", "When co-recipe last sent a number.", labels=["host"]
    )
    for host in state.hosts:
        name = _host(host.url)
        connected.add_metric([name], int(host.connected_since_ms is not None))
        if host.last_answer_ms is not None:
            answered.add_metric([name], host.last_answer_ms / 1000)
    yield connected
    yield answered
    updates = CounterMetricFamily(
        "cotraffic_recipe_updates", "Updates from co-recipe by outcome.", labels=["outcome"]
    )
    for outcome in UPDATE_OUTCOMES:
        updates.add_metric([outcome.replace(" ", "_")], state.updates.get(outcome, 0))
    yield updates
    ahead = "Updates whose sender's clock was minutes ahead of ours, so that ours counted."
    yield _counter("recipe_updates_ahead", ahead, state.ahead)
    yield _counter("corecipe_malformed_events", "Events from co-recipe of no use.", state.malformed)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"cotraffic_{name}", help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(f"cotraffic_{name}", help_text, value=value)


def _by_kind(name: str, help_text: str, of: dict[RecipeKind, T], value: Callable[[T], float]) -> Metric:
    family = GaugeMetricFamily(f"cotraffic_{name}", help_text, labels=["kind"])
    for kind, each in of.items():
        family.add_metric([kind.value], value(each))
    return family


def _times(name: str, help_text: str, metas: dict[RecipeKind, RecipeMeta], field: str) -> Metric:
    """Make a metric of a time, for each kind that has it."""
    family = GaugeMetricFamily(f"cotraffic_{name}", help_text, labels=["kind"])
    for kind, meta in metas.items():
        at_ms = getattr(meta, field)
        if at_ms is not None:
            family.add_metric([kind.value], at_ms / 1000)
    return family


def _host(url: str) -> str:
    """Return host and port of a URL, without credentials."""
    return urlsplit(url).netloc.rpartition("@")[2]
