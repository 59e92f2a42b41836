"""The counts of clicks and workers, as they are kept in Redis and shown to staff."""

import msgspec

# Resolution of the charts, and how many buckets an hour has.
BUCKET_SECONDS = 10
BUCKETS = 360
# Refusals are counted by the hour for this many days of UTC, today among them.
REFUSED_DAYS = 7
# The newest refused clicks are kept for staff: at most 4 MB of Redis' memory, usually a sixth of that.
NEWEST_REFUSALS = 2_000
REFUSAL_BYTES = 2_048
# Upper bounds in milliseconds of the histogram of answers; slower ones are counted apart.
LATENCY_BOUNDS_MS = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 25, 50, 100, 250, 500, 1000)
_SLOWEST = float("inf")

WORKERS = "stats:workers"
REFUSALS = "stats:refusals"


class Cache(msgspec.Struct, frozen=True):
    """How full a cache is, and how often it was used; `hits` is None if they are not counted."""

    entries: int
    limit: int
    hits: int | None
    misses: int


class OpenDatabase(msgspec.Struct, frozen=True):
    """A GeoIP database as a worker has it open; `built_s` in seconds since the epoch.

    `database_type` is "" while none is open, and `error` says why the file on the disk is not in use.
    """

    path: str
    database_type: str
    built_s: int
    error: str | None = None


class Worker(msgspec.Struct, frozen=True):
    """One web worker; times in seconds since the epoch, `commits` in clicks."""

    name: str
    pid: int
    since_s: float
    heard_s: float
    clicks: int
    caches: dict[str, Cache]
    commits: dict[str, int]
    databases: list[OpenDatabase] = []


class RefusedClick(msgspec.Struct, frozen=True):
    """One click that was not let in; `at_ms` in milliseconds since the epoch, `token` as it was sent.

    The ids are those that its link names, None where it could not be read that far.
    """

    at_ms: int
    reason: str
    detail: str
    referer: str
    country: str | None
    token: str
    offer_id: int | None = None
    campaign_id: int | None = None
    affiliate_id: int | None = None

    def encoded(self) -> bytes:
        """Return it as JSON of at most `REFUSAL_BYTES`; longer texts are cut."""
        length = max(len(self.detail), len(self.referer), len(self.token))
        found = msgspec.json.encode(self)
        while len(found) > REFUSAL_BYTES:
            length //= 2
            texts = {name: getattr(self, name)[:length] for name in ("detail", "referer", "token")}
            found = msgspec.json.encode(msgspec.structs.replace(self, **texts))
        return found


class TimeBucket(msgspec.Struct, frozen=True):
    """Ten seconds of the instance, from `start` in seconds since the epoch.

    `latency` counts answers by the upper bound of their time in milliseconds, `automated` requests by what
    made them: clicks that no person made, and what browsers fetched ahead, which is no click.
    """

    start: int
    clicks: int
    redirect_types: dict[str, int]
    refused: dict[str, int]
    automated: dict[str, int]
    latency: dict[float, int]

    def percentile(self, percent: float) -> float | None:
        """Return the bound in milliseconds below which this share of the answers stayed; None without any."""
        wanted, seen = sum(self.latency.values()) * percent / 100, 0
        for bound, count in sorted(self.latency.items()):
            seen += count
            if seen >= wanted:
                return bound
        return None


class Counted(msgspec.Struct):
    """A worker's counts over some time: clicks by redirect type, refusals by reason, answers by their time.

    `latency` has one count for each of `LATENCY_BOUNDS_MS` and one for longer answers; `seconds` is the sum
    of their times. `errors` counts errors of ours in our own HTTP protocol, `old_form` the clicks whose link
    has the old form, `automated` the requests that no person made, by what made them.
    """

    types: dict[str, int] = {}
    refused: dict[str, int] = {}
    latency: list[int] = msgspec.field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_MS) + 1))
    seconds: float = 0.0
    errors: int = 0
    old_form: int = 0
    automated: dict[str, int] = {}

    def add(self, other: "Counted") -> None:
        """Add another worker's or another time's counts."""
        for name, count in other.types.items():
            self.types[name] = self.types.get(name, 0) + count
        for reason, count in other.refused.items():
            self.refused[reason] = self.refused.get(reason, 0) + count
        for reason, count in other.automated.items():
            self.automated[reason] = self.automated.get(reason, 0) + count
        self.latency = [mine + its for mine, its in zip(self.latency, other.latency, strict=True)]
        self.seconds += other.seconds
        self.errors += other.errors
        self.old_form += other.old_form
