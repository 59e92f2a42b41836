"""The SQL of reports, for DuckDB: what is asked, over the table `clicks`, which has the archive's columns."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from cotraffic.diagnostics.reports.types import (
    ChartStep,
    ClickFilter,
    ClicksQuery,
    Dimension,
    Measure,
    ReportQuery,
    SeriesQuery,
    TimeRange,
)
from cotraffic.diagnostics.reports.zones import DAY_MS, HOUR_MS, STEP_MS, offsets, zone_of
from offers.archive.columns import EVERY_COLUMN
from offers.archive.lines import quoted

# Microseconds are what a timestamp is stored as: milliseconds of each click would take half a second more.
AT_US = 'epoch_us("dateAdded")'
# A click on an offer that the recipe does not have names no offer as its origin.
ORIGIN = 'coalesce("originOfferId", "offerId")'
COLUMNS_OF = {
    Dimension.OFFER: '"offerId"',
    Dimension.ORIGIN_OFFER: ORIGIN,
    Dimension.CAMPAIGN: '"campaignId"',
    Dimension.AFFILIATE: '"affiliateId"',
    Dimension.COUNTRY: '"country"',
    Dimension.REDIRECT_TYPE: '"redirectType"',
    Dimension.REASON: '"redirectReason"',
    Dimension.DEVICE: '"deviceType"',
    Dimension.BROWSER: '"browser"',
    Dimension.AUTOMATED: '"automatedReason"',
}
IDS = frozenset({Dimension.OFFER, Dimension.ORIGIN_OFFER, Dimension.CAMPAIGN, Dimension.AFFILIATE})
# Types of their own in files, where a number of milliseconds would say neither what it is nor in which zone.
EXPORTED = {Dimension.HOUR: "to_timestamp({} / 1000)", Dimension.DAY: "epoch_ms({})::DATE"}
# An origin offer's own name stands in no record but of a click that it took itself.
NAMES = {
    Dimension.OFFER: 'any_value("offerName")',
    Dimension.ORIGIN_OFFER: f'any_value("offerName") FILTER (WHERE "offerId" = {ORIGIN})',
}
MEASURES = {
    Measure.CLICKS: "count(*)",
    Measure.UNIQUE: 'coalesce(count_if("isUniqueVisit"), 0)',
    Measure.PAYIN: 'coalesce(sum("payin"), 0)',
    Measure.PAYOUT: 'coalesce(sum("payout"), 0)',
}
_INTEGER = re.compile(r"-?[0-9]{1,18}")


def condition(wanted: ClickFilter) -> str:
    """Return the WHERE of a filter."""
    # As times, and not as numbers, they are compared with the statistics of a file before it is read.
    parts = [
        f'"dateAdded" >= to_timestamp({wanted.time.start_ms} / 1000)',
        f'"dateAdded" < to_timestamp({wanted.time.end_ms} / 1000)',
    ]
    parts += [_one_of(dimension, values) for dimension, values in wanted.values.items() if values]
    if wanted.left:
        parts.append(f'"offerId" IS DISTINCT FROM {ORIGIN}')
    return " AND ".join(parts)


def _one_of(dimension: Dimension, values: Sequence[str]) -> str:
    column = COLUMNS_OF[dimension]
    if dimension in IDS:
        # As numbers: to make texts of fifty million ids takes several times as long as to count them.
        named, none = [value for value in values if _INTEGER.fullmatch(value)], f"{column} IS NULL"
    else:
        named, none = [quoted(value) for value in values if value], f"coalesce({column}, '') = ''"
    parts = [f"{column} IN ({', '.join(named)})"] if named else []
    if "" in values:
        parts.append(none)
    return f"({' OR '.join(parts) or 'false'})"


def report_rows(query: ReportQuery) -> str:
    """Return the rows of a report's page: keys and measures, and after them what all rows come to.

    In one statement, because opening a month of files takes longer than counting. It groups by values as they
    are stored, and makes text of those of one page alone.
    """
    zone = zone_of(query.zone)
    keys = [f"key_{at}" for at in range(len(query.group_by))]
    raw = [
        f"{_key(dimension, query.filter.time, zone)} AS {key}"
        for dimension, key in zip(query.group_by, keys, strict=True)
    ]
    order = _order(query, keys)
    sums = ", ".join(f'coalesce(sum("{measure.value}"), 0)' for measure in MEASURES)
    measures = ", ".join(f'"{measure.value}"' for measure in MEASURES)
    texts = ", ".join(f"coalesce({key}::VARCHAR, '')" for key in keys)
    return (
        f"WITH found AS MATERIALIZED (SELECT {', '.join(raw)}, {_measures()} FROM clicks "  # noqa: S608
        f"WHERE {condition(query.filter)} GROUP BY {', '.join(keys)}), "
        f"page AS (SELECT * FROM found ORDER BY {order} LIMIT {query.limit} OFFSET {query.offset}), "
        f"whole AS (SELECT count(*), {sums} FROM found) "
        f"SELECT [{texts}], {measures}, whole.* FROM page CROSS JOIN whole ORDER BY {order}"
    )


def name_rows(wanted: ClickFilter, dimension: Dimension, ids: Sequence[str]) -> str:
    """Return id and name of offers, as the clicks' records have them."""
    column = COLUMNS_OF[dimension]
    return (
        f"SELECT {column}::VARCHAR AS id, {NAMES[dimension]} FROM clicks WHERE {condition(wanted)} "  # noqa: S608
        f"AND {_one_of(dimension, ids)} GROUP BY id"
    )


def report_total(query: ReportQuery) -> str:
    """Return the measures of all clicks of a report."""
    return f"SELECT {_measures()} FROM clicks WHERE {condition(query.filter)}"  # noqa: S608


def report_export(query: ReportQuery) -> str:
    """Return every row of a report, a column for each dimension and measure.

    A day is a DATE, the one that the zone's calendar shows; an hour is the time at which it begins.
    """
    zone = zone_of(query.zone)
    # By place: in GROUP BY a name means a column of the clicks first, and some dimensions have such a name.
    keys = [str(place) for place in range(1, len(query.group_by) + 1)]
    shown = [
        f'{EXPORTED.get(each, "{}").format(_key(each, query.filter.time, zone))} AS "{each.value}"'
        for each in query.group_by
    ]
    named = [dimension for dimension in query.group_by if dimension in NAMES]
    shown += [f'{NAMES[dimension]} AS "{dimension.value}_name"' for dimension in named]
    grouped = f"GROUP BY {', '.join(keys)} ORDER BY {_order(query, keys)}" if keys else ""
    return (
        f"SELECT {', '.join([*shown, _measures()])} FROM clicks WHERE {condition(query.filter)} "  # noqa: S608
        f"{grouped}"
    )


def series_rows(query: SeriesQuery) -> str:
    """Return start, key and clicks of each step and line; all but the `top` keys are NULL."""
    zone, time, where = zone_of(query.zone), query.filter.time, condition(query.filter)
    step = _step(query.step, time, zone)
    if query.by is None:
        return f"SELECT {step} AS start, NULL, count(*) FROM clicks WHERE {where} GROUP BY start"  # noqa: S608
    key = _key(query.by, time, zone)
    return (
        f"WITH stored AS MATERIALIZED (SELECT {step} AS start, {key} AS key, count(*) AS clicks "  # noqa: S608
        f"FROM clicks WHERE {where} GROUP BY start, key), "
        "counted AS (SELECT start, coalesce(key::VARCHAR, '') AS key, clicks FROM stored), "
        "best AS (SELECT key FROM counted GROUP BY key "
        f"ORDER BY sum(clicks) DESC, key LIMIT {query.top}) "
        "SELECT start, best.key, sum(clicks)::BIGINT FROM counted "
        "LEFT JOIN best USING (key) GROUP BY start, best.key"
    )


def clicks_queries(query: ClicksQuery) -> list[str]:
    """Return statements, of which the last one returns whole clicks, the newest first.

    Those before it find the time of the last click of the page, so that it reads every column of those few
    files alone that have clicks since then. They look at the end of the range first: clicks come in the order
    of time, so that each of the whole range would be among the newest ones for a moment.
    """
    time, last = query.filter.time, query.offset + query.limit
    queries = []
    for length_ms in (HOUR_MS, DAY_MS, time.end_ms - time.start_ms):
        part = TimeRange(max(time.start_ms, time.end_ms - length_ms), time.end_ms)
        where = condition(msgspec.structs.replace(query.filter, time=part))
        newest = (
            f'SELECT "dateAdded" AS came FROM clicks WHERE {where} '  # noqa: S608
            f"AND getvariable('since') IS NULL ORDER BY came DESC LIMIT {last}"
        )
        needed = 1 if part == time else last
        since = f"SELECT CASE WHEN count(*) >= {needed} THEN min(came) END FROM ({newest})"  # noqa: S608
        queries.append(f"SET VARIABLE since = coalesce(getvariable('since'), ({since}))")
    return [
        *queries,
        f"SELECT {EVERY_COLUMN} FROM clicks WHERE {condition(query.filter)} "  # noqa: S608
        "AND \"dateAdded\" >= getvariable('since') "
        f'ORDER BY "dateAdded" DESC, lid LIMIT {query.limit} OFFSET {query.offset}',
    ]


def clicks_export(query: ClicksQuery) -> str:
    """Return every column of every click, in no order: to sort them all would take memory."""
    return f"SELECT {EVERY_COLUMN} FROM clicks WHERE {condition(query.filter)}"  # noqa: S608


def values_rows(wanted: ClickFilter, dimension: Dimension, search: str, limit: int) -> str:
    """Return key, name and clicks of a dimension's commonest values in which a text occurs."""
    column, name = COLUMNS_OF[dimension], NAMES.get(dimension, "''")
    # Ids are counted as they are stored, and only their groups become texts: materialized, or DuckDB would
    # look for the text in every click.
    stored = column if dimension in IDS else f"coalesce({column}, '')"
    key = "coalesce(stored::VARCHAR, '')"
    return (
        f"WITH counted AS MATERIALIZED (SELECT {stored} AS stored, {name} AS name, count(*) AS clicks "  # noqa: S608
        f"FROM clicks WHERE {condition(wanted)} GROUP BY stored) "
        f"SELECT {key} AS key, name, clicks FROM counted "
        f"WHERE contains(lower({key} || ' ' || coalesce(name, '')), lower({quoted(search)})) "
        f"ORDER BY clicks DESC, key LIMIT {limit}"
    )


def _measures() -> str:
    return ", ".join(f'{value} AS "{measure.value}"' for measure, value in MEASURES.items())


def _order(query: ReportQuery, keys: Sequence[str]) -> str:
    direction = "DESC" if query.descending else "ASC"
    named = dict(zip(query.group_by, keys, strict=True))
    first = f'"{query.order_by.value}"' if isinstance(query.order_by, Measure) else named[query.order_by]
    # The keys come last, so that pages do not overlap.
    return ", ".join([f"{first} {direction} NULLS LAST", *keys])


def _key(dimension: Dimension, time: TimeRange, zone: ZoneInfo) -> str:
    if dimension is Dimension.HOUR:
        return _step(ChartStep.HOUR, time, zone)
    if dimension is Dimension.DAY:
        return _step(ChartStep.DAY, time, zone)
    return COLUMNS_OF[dimension]


def _step(step: ChartStep, time: TimeRange, zone: ZoneInfo) -> str:
    """Return when the step of a click began, in ms since the epoch; a day's midnight as if in UTC."""
    pieces = offsets(time, step, zone)
    if len(pieces) == 1:
        ahead = f"{pieces[0].ahead_ms}000"
    else:
        cases = " ".join(
            f"WHEN {AT_US} < {piece.until_ms}000 THEN {piece.ahead_ms}000" for piece in pieces[:-1]
        )
        ahead = f"CASE {cases} ELSE {pieces[-1].ahead_ms}000 END"
    if step is ChartStep.DAY:
        return f"({AT_US} + {ahead}) // {DAY_MS}000 * {DAY_MS}"
    length = HOUR_MS if step is ChartStep.HOUR else STEP_MS[step]
    return f"(({AT_US} + {ahead}) // {length}000 * {length}000 - {ahead}) // 1000"
