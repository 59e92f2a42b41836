"""What was logged, for tests."""

from typing import Any, cast

import pytest


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The events that our own code logged, with their fields."""
    return [cast(dict[str, Any], record.msg) for record in caplog.records if isinstance(record.msg, dict)]
