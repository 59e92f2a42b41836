"""The part of this instance's Redis: whether it answers, and keeps its data."""

import time
from typing import Any

from django.conf import settings
from redis.exceptions import RedisError

from cotraffic.diagnostics.formatting import duration, file_size, number
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources

TITLE = "Redis"
CONFIGURATION = (
    "Start Redis with deploy/redis.conf; `manage.py check` names each setting that is not as it should be."
)


def part(sources: Sources) -> tuple[Component, bool]:
    """Describe Redis. Returns the part, and whether Redis answers at all."""
    started = time.perf_counter()
    try:
        sources.redis.ping()
        took = time.perf_counter() - started
        info = sources.redis.info()
    except (RedisError, OSError) as error:
        return _away(error), False
    return _answering(info, took), True


def _away(problem: Exception) -> Component:
    hint = (
        "Start it, or let REDIS_URL say where it is. Links that a worker remembers are answered meanwhile, "
        f"and their clicks are kept in {settings.CLICK_SPOOL_DIR}; all others get status 503."
    )
    facts = (Fact("Error", str(problem) or type(problem).__name__, state=Light.ERROR),)
    return Component("redis", TITLE, Light.ERROR, "Redis does not answer.", hint, facts)


def _answering(info: dict[str, Any], took: float) -> Component:
    problems = _problems(info)
    sentence = problems[0] if problems else f"Answers in {duration(took)}, and keeps its data on disk."
    limit = info.get("maxmemory", 0)
    memory = f"{file_size(info['used_memory'])}{f' of {file_size(limit)}' if limit else ', no limit'}"
    facts = (
        Fact("Answers in", duration(took)),
        Fact("Memory", memory),
        Fact("When it is full", str(info.get("maxmemory_policy", "not told"))),
        Fact("Append-only file", "on" if info.get("aof_enabled") else "off"),
        Fact("Connections", number(info.get("connected_clients"))),
        Fact("Version", str(info.get("valkey_version") or info.get("redis_version", "not told"))),
        Fact("Running for", duration(float(info.get("uptime_in_seconds", 0)))),
    )
    return Component(
        "redis",
        TITLE,
        Light.WARNING if problems else Light.OK,
        sentence,
        CONFIGURATION if problems else "",
        facts,
    )


def _problems(info: dict[str, Any]) -> list[str]:
    problems = []
    if info.get("aof_enabled") == 0:
        problems.append("It keeps nothing on disk: what it holds is gone when it ends.")
    if info.get("aof_last_write_status", "ok") != "ok":
        problems.append("It cannot write to its disk.")
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        problems.append("It may throw data away when its memory is full.")
    return problems
