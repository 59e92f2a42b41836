"""The types of the overview: a part of an instance, and the sources of its state."""

import time
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import msgspec
from django.conf import settings
from redis import Redis

from offers.click_log.stream import ClickLog
from offers.stats.reader import StatsReader
from recipes.store.store import RecipeStore

# Longest wait for Redis, because staff wait for the page.
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0


class Light(StrEnum):
    """The state of a part, as a light shows it; OFF means not in use."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    OFF = "off"
    UNKNOWN = "unknown"


class Fact(msgspec.Struct, frozen=True):
    """One line of a part: a text, or a time in seconds since the epoch, or several lines.

    `state` is for facts that are good or bad by themselves, else None.
    """

    label: str
    text: str = ""
    at_s: float | None = None
    lines: tuple[str, ...] = ()
    state: Light | None = None


class Component(msgspec.Struct, frozen=True):
    """One part of the instance, with its state in a sentence; `hint` says what to do."""

    key: str
    title: str
    state: Light
    sentence: str
    hint: str = ""
    facts: tuple[Fact, ...] = ()


class Sources(NamedTuple):
    """The sources of the parts' state; `now` in seconds since the epoch."""

    redis: Redis
    store: RecipeStore
    log: ClickLog
    counters: StatsReader
    now: float


def sources() -> Sources:
    """Return this instance's Redis and the readers over it, with time-outs that a page can wait for."""
    redis = _redis(settings.REDIS_URL)
    return Sources(redis, RecipeStore(redis), ClickLog(redis), StatsReader(redis), time.time())


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=ANSWER_SECONDS)


def unknown(title: str) -> Component:
    """Make a part whose state is unknown while Redis is away."""
    return Component(title, title, Light.UNKNOWN, "Not known while Redis does not answer.")


def seconds(at_ms: float | None) -> float | None:
    """Convert milliseconds since the epoch to seconds; None stays None."""
    return None if at_ms is None else at_ms / 1000
