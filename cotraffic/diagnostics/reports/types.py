"""What can be asked of a report, and what it answers."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec


class Dimension(StrEnum):
    """What clicks can be grouped and filtered by; the values are the parameters of an address."""

    OFFER = "offer"
    ORIGIN_OFFER = "origin_offer"
    CAMPAIGN = "campaign"
    AFFILIATE = "affiliate"
    COUNTRY = "country"
    REDIRECT_TYPE = "redirect_type"
    REASON = "reason"
    DEVICE = "device"
    BROWSER = "browser"
    AUTOMATED = "automated"
    HOUR = "hour"
    DAY = "day"


# Times are chosen by the range, not by a filter.
FILTERS = tuple(dimension for dimension in Dimension if dimension not in (Dimension.HOUR, Dimension.DAY))


class Measure(StrEnum):
    """What is counted or summed; `payin` and `payout` are the sums of what the clicks' records say."""

    CLICKS = "clicks"
    UNIQUE = "unique"
    PAYIN = "payin"
    PAYOUT = "payout"


class TimeRange(msgspec.Struct, frozen=True):
    """From `start_ms` up to `end_ms`, in milliseconds since the epoch; the end is not in it."""

    start_ms: int
    end_ms: int


class ClickFilter(msgspec.Struct, frozen=True):
    """The clicks of a report: a click has one of the `values` of each dimension; "" means that it has none.

    `left` asks for clicks that went to another offer than the one that their link named. `files` are those of
    all instances, as S3 has them; None: the clicks of this instance.
    """

    time: TimeRange
    values: Mapping[Dimension, tuple[str, ...]] = {}
    left: bool = False
    files: tuple[str, ...] | None = None


class ReportQuery(msgspec.Struct, frozen=True):
    """A report: clicks, grouped by up to two dimensions. Hours and days are those of `zone`, an IANA name."""

    filter: ClickFilter
    group_by: tuple[Dimension, ...] = ()
    zone: str = "UTC"
    order_by: Measure | Dimension = Measure.CLICKS
    descending: bool = True
    offset: int = 0
    limit: int = 50


class ReportRow(msgspec.Struct, frozen=True):
    """One group of clicks. `keys` has a value for each dimension, "" for none; `names` their names if known.

    The key of an hour or a day is the time at which it begins, in milliseconds since the epoch.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    clicks: int
    unique: int
    payin: Decimal
    payout: Decimal


class ClickReport(msgspec.Struct, frozen=True):
    """A page of a report's rows; `groups` is how many there are in all, `total` sums up all of them."""

    rows: tuple[ReportRow, ...]
    total: ReportRow
    groups: int


class ChartStep(StrEnum):
    """The length of a step of a chart."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class SeriesQuery(msgspec.Struct, frozen=True):
    """Clicks over time: a line for each of the `top` values of `by`, and one for all others."""

    filter: ClickFilter
    zone: str
    step: ChartStep
    by: Dimension | None = None
    top: int = 9


class Line(msgspec.Struct, frozen=True):
    """The clicks of one value of a dimension, step by step. `key` is None for all values without a line."""

    key: str | None
    name: str
    clicks: tuple[int, ...]


class Series(msgspec.Struct, frozen=True):
    """Lines over the same steps; `starts_ms` is when each begins, in milliseconds since the epoch."""

    starts_ms: tuple[int, ...]
    lines: tuple[Line, ...]


class ClicksQuery(msgspec.Struct, frozen=True):
    """Clicks one by one, the newest first, from the `offset`th on."""

    filter: ClickFilter
    offset: int = 0
    limit: int = 50


class Value(msgspec.Struct, frozen=True):
    """A value of a dimension that the clicks of a range have, and how many have it."""

    key: str
    name: str
    clicks: int


class ReportProblem(Exception):
    """A report that cannot be made now; the message says why, and what to do."""


class FilesGone(ReportProblem):
    """A file of the archive was deleted after it had been listed for a report."""
