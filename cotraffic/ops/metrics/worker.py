"""The metrics of a web worker, updated from its counters once a second, so that no click pays for them."""

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offers.admission import Reason
from offers.rules.common.redirect_type import RedirectType
from offers.stats.counters import MAX_REDIRECT_TYPES, OTHER
from offers.stats.types import LATENCY_BOUNDS_MS, Cache, Counted
from offers.visitors.automated import AutomatedReason
from offers.visitors.geoip_file import GeoFile

REDIRECTED = "redirected"
REDIRECT_TYPES = tuple(each.value for each in RedirectType)
# What was fetched ahead is no click.
REFUSED = tuple(reason for reason in Reason if reason is not Reason.FETCHED_AHEAD)
_OUTCOMES = {reason.value: reason.name.lower() for reason in REFUSED}

Describe = Callable[[], tuple[dict[str, Cache], dict[str, int]]]


class WorkerMetrics:
    """The metrics of this worker. `describe` returns its caches, and its commits since it started."""

    def __init__(
        self, registry: CollectorRegistry, describe: Describe, databases: Mapping[str, GeoFile]
    ) -> None:
        self._describe = describe
        self._databases = databases
        self._before: dict[str, int] = {}
        self._redirect_types = set(REDIRECT_TYPES)
        self._create_click_metrics(registry)
        self._create_commit_metrics(registry)
        self._create_memory_metrics(registry)
        self._start_at_zero()
        self.on_counted(Counted())

    def on_counted(self, counted: Counted) -> None:
        """Add the counts of the last second, and update the figures of caches, commits and databases."""
        for redirect_type, count in counted.types.items():
            self._clicks.labels(REDIRECTED, self._bounded(redirect_type)).inc(count)
        for reason, count in counted.refused.items():
            self._clicks.labels(outcome(reason), "").inc(count)
        self._tokens.labels("v1").inc(counted.old_form)
        self._tokens.labels("v2").inc(sum(counted.types.values()) - counted.old_form)
        for reason, count in counted.automated.items():
            self._automated.labels(reason).inc(count)
        self._answer_seconds.add(counted.latency, counted.seconds)
        self._errors.inc(counted.errors)
        caches, commits = self._describe()
        self._add_commits(commits)
        for name, cache in caches.items():
            self._entries.labels(name).set(cache.entries)
            self._limits.labels(name).set(cache.limit)
            self._misses.labels(name).inc(self._new(f"misses:{name}", cache.misses))
            if cache.hits is not None:
                self._hits.labels(name).inc(self._new(f"hits:{name}", cache.hits))
        for name, file in self._databases.items():
            self._geoip_unusable.labels(name).set(file.error is not None)
            if file.is_open:
                self._geoip_built.labels(file.database_type).set(file.built_at_seconds)

    def _add_commits(self, commits: Mapping[str, int]) -> None:
        self._batches.inc(self._new("batches", commits["batches"]))
        self._written.labels("log").inc(self._new("logged", commits["logged"]))
        self._written.labels("spool").inc(self._new("spooled", commits["spooled"]))
        self._replayed.inc(self._new("replayed", commits["replayed"]))
        self._lost.inc(self._new("lost", commits["lost"]))
        self._vanished.inc(self._new("vanished", commits["vanished"]))
        self._assumed.inc(self._new("assumed", commits["assumed"]))
        self._decided_again.inc(self._new("decided_again", commits["decided_again"]))

    def _create_click_metrics(self, registry: CollectorRegistry) -> None:
        self._clicks = Counter(
            "cotraffic_clicks",
            "Clicks by outcome; the redirect type is that of the click record.",
            ["outcome", "redirect_type"],
            registry=registry,
        )
        self._tokens = Counter(
            "cotraffic_ad_tokens",
            "Redirected clicks by the form of their link's token: v1, the old one, or v2.",
            ["form"],
            registry=registry,
        )
        self._automated = Counter(
            "cotraffic_automated_clicks",
            "Requests that no person made, by what made them; prefetch and prerender are no clicks.",
            ["reason"],
            registry=registry,
        )
        self._answer_seconds = _BulkHistogram(
            "cotraffic_click_answer_seconds",
            "Time from a click's arrival to its redirect, the wait for the click log included.",
            buckets=[bound / 1000 for bound in LATENCY_BOUNDS_MS],
            registry=registry,
        )
        self._errors = Counter(
            "cotraffic_click_errors",
            "Faults of ours while a click was read or decided in the protocol.",
            registry=registry,
        )

    def _create_commit_metrics(self, registry: CollectorRegistry) -> None:
        self._batches = Counter(
            "cotraffic_commit_batches", "Batches of clicks sent to the click log.", registry=registry
        )
        self._written = Counter(
            "cotraffic_clicks_written",
            "Clicks written down before their redirect.",
            ["to"],
            registry=registry,
        )
        self._replayed = Counter(
            "cotraffic_clicks_replayed", "Clicks moved from the spool into the click log.", registry=registry
        )
        self._lost = Counter(
            "cotraffic_clicks_lost",
            "Clicks that were answered, and that neither Redis nor the disk took.",
            registry=registry,
        )
        self._vanished = Counter(
            "cotraffic_spool_files_deleted",
            "Files of the spool that somebody else has deleted; their clicks were written anew.",
            registry=registry,
        )
        self._assumed = Counter(
            "cotraffic_visitors_assumed_unique",
            "Visitors that were taken for unique because the shared Redis was away.",
            registry=registry,
        )
        self._decided_again = Counter(
            "cotraffic_clicks_decided_again",
            "Clicks decided again since the last place under a live cap was taken meanwhile.",
            registry=registry,
        )

    def _create_memory_metrics(self, registry: CollectorRegistry) -> None:
        self._workers = Gauge(
            "cotraffic_workers", "Web workers alive.", registry=registry, multiprocess_mode="livesum"
        )
        self._configured = Gauge(
            "cotraffic_workers_configured",
            "Web workers that there should be.",
            registry=registry,
            multiprocess_mode="max",
        )
        self._entries = Gauge(
            "cotraffic_cache_entries",
            "Entries in the workers' memory.",
            ["cache"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._limits = Gauge(
            "cotraffic_cache_limit_entries",
            "Entries that the workers' memory may hold.",
            ["cache"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._hits = Counter(
            "cotraffic_cache_hits", "Answers from the workers' memory.", ["cache"], registry=registry
        )
        self._misses = Counter(
            "cotraffic_cache_misses", "What was not in the workers' memory.", ["cache"], registry=registry
        )
        self._geoip_built = Gauge(
            "cotraffic_geoip_built_timestamp_seconds",
            "When the open GeoIP database was built, the oldest of all workers.",
            ["database"],
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._geoip_unusable = Gauge(
            "cotraffic_geoip_unusable",
            "1 while the GeoIP file on the disk cannot be used; the last good one stays in use.",
            ["database"],
            registry=registry,
            multiprocess_mode="livemax",
        )

    def _start_at_zero(self) -> None:
        """Create the counters with 0: without it, Prometheus would miss their growth to 1."""
        self._workers.set(1)
        self._configured.set(settings.WEB_CONCURRENCY)
        for redirect_type in self._redirect_types:
            self._clicks.labels(REDIRECTED, redirect_type)
        for reason in REFUSED:
            self._clicks.labels(outcome(reason.value), "")
        for automated in AutomatedReason:
            self._automated.labels(automated.value)
        for to in ("log", "spool"):
            self._written.labels(to)

    def _bounded(self, redirect_type: str) -> str:
        """Return the redirect type, or `OTHER` if there are too many: records may have types of their own."""
        types = self._redirect_types
        if redirect_type not in types and len(types) >= MAX_REDIRECT_TYPES:
            return OTHER
        types.add(redirect_type)
        return redirect_type

    def _new(self, name: str, total: int) -> int:
        """Return by how much a total has grown since the last call."""
        before = self._before.get(name, 0)
        self._before[name] = total
        # A total that is smaller than before started from zero again: its cache was cleared.
        return total - before if total >= before else total


class _BulkHistogram(Histogram):
    """A histogram to which many observations can be added at once."""

    def add(self, counts: Sequence[int], seconds: float) -> None:
        """Add observations: `counts` of them in each bucket, of `seconds` altogether."""
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        if seconds:
            self._sum.inc(seconds)


def outcome(reason: str) -> str:
    """Return the label of a refused click's reason."""
    return _OUTCOMES.get(reason, OTHER)
