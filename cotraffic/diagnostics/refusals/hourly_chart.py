"""The chart of a day of counts: one bar an hour, in coordinates of an SVG."""

import time

import msgspec

BAR_WIDTH = 24
BAR_GAP = 4
HEIGHT = 90
SMALLEST = 2


class HourBar(msgspec.Struct, frozen=True):
    """One hour: the position and size of its bar, and its label."""

    x: int
    y: int
    height: int
    label: str
    count: int
    is_named: bool


class HourlyChart(msgspec.Struct, frozen=True):
    """All bars, and the size of the chart."""

    bars: list[HourBar]
    width: int
    height: int
    most: int


def by_hour(hours: list[tuple[int, dict[str, int]]], reason: str = "") -> HourlyChart:
    """Make the chart of counts by hour, of all reasons or of one."""
    counts = [reasons.get(reason, 0) if reason else sum(reasons.values()) for _, reasons in hours]
    most = max(counts, default=0)
    bars = []
    for at, ((start, _), count) in enumerate(zip(hours, counts, strict=True)):
        height = max(SMALLEST, round(HEIGHT * count / most)) if count else 0
        hour = time.gmtime(start)
        bars.append(
            HourBar(
                x=at * (BAR_WIDTH + BAR_GAP),
                y=HEIGHT - height,
                height=height,
                label=time.strftime("%H:%M", hour),
                count=count,
                is_named=hour.tm_hour % 6 == 0,
            )
        )
    return HourlyChart(bars, len(bars) * (BAR_WIDTH + BAR_GAP) - BAR_GAP, HEIGHT, most)
