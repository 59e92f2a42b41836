"""An archive of its own for every test, and clicks for the log."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from pytest_django import Settings

from cotraffic.diagnostics.overview import component
from tests.processes import DEADLINE_SECONDS

Write = Callable[..., str]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Redis may take longer than staff would wait: the machine of the tests may be busy."""
    monkeypatch.setattr(component, "CONNECT_SECONDS", DEADLINE_SECONDS)
    monkeypatch.setattr(component, "ANSWER_SECONDS", DEADLINE_SECONDS)
    component._redis.cache_clear()
    yield
    component._redis.cache_clear()


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    settings.CLICK_ARCHIVE_DIR = str(tmp_path / "archive")
    settings.CLICK_ARCHIVE_DAYS = 100_000
    return tmp_path / "archive"


@pytest.fixture
def write(redis_client: redis.Redis) -> Write:
    """Write a click into the log, as if it came some seconds ago; return its lid."""

    def write(lid: str, seconds_ago: float = 60, unique: str = "1", **fields: object) -> str:
        at_ms = int((time.time() - seconds_ago) * 1000)
        record = {"lid": lid, "dateAdded": at_ms, "ttl": at_ms // 1000, **fields}
        entry: dict[Any, Any] = {"click": msgspec.json.encode(record), "unique": unique}
        redis_client.xadd("clicks", entry, id=f"{at_ms}-*")
        return lid

    return write
