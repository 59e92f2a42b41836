"""Decides who sees debug answers: signed-in staff, and in development anyone."""

import math
import time

import structlog
from django.conf import settings
from django.db import Error as DatabaseProblem
from django.http import HttpRequest

# Log at most that often that the staff database does not answer: links with `debug` may be many.
COMPLAIN_SECONDS = 30.0

logger = structlog.stdlib.get_logger(__name__)


class StaffCheck:
    """Asks the staff database who sends a request. Whoever it does not know is a visitor."""

    def __init__(self) -> None:
        self._complained_at = -math.inf

    async def may_see_debug(self, request: HttpRequest) -> bool:
        """Return whether a request gets a debug answer; False while the database does not answer."""
        if settings.DEVELOPMENT:
            return True
        try:
            user = await request.auser()
        except DatabaseProblem as error:
            self._complain(str(error))
            return False
        return bool(user.is_active and user.is_staff)

    def _complain(self, problem: str) -> None:
        now = time.monotonic()
        if now - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = now
            logger.warning("the staff database does not answer, debug is ignored", problem=problem)
