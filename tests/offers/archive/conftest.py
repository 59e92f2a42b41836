"""Fixtures for the archive: a directory, and the log as the archive sees it."""

from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from offers.archive.log import ArchiveLog


@pytest.fixture
def archive_log(redis_client: redis.Redis) -> ArchiveLog:
    return ArchiveLog(redis_client)


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    # The hours of the tests are long over.
    settings.CLICK_ARCHIVE_DAYS = 100_000
    return tmp_path / "archive"
