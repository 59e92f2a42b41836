"""The result of the last use of a service that is used again and again."""

import msgspec


class Outcome(msgspec.Struct):
    """The last use of a service: `error` is None if it succeeded; `well_at_ms` is when it last succeeded."""

    at_ms: int
    error: str | None = None
    well_at_ms: int | None = None

    def then(self, at_ms: int, error: str | None) -> "Outcome":
        """Return the outcome after one more use, which ended with `error` (None: it succeeded)."""
        return Outcome(at_ms, error, at_ms if error is None else self.well_at_ms)
