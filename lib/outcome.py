"""How the last try of something that repeats went."""

import msgspec


class Outcome(msgspec.Struct):
    """How the last use of a service went: `error` None is well; `well_at_ms` is when it last did go well."""

    at_ms: int
    error: str | None = None
    well_at_ms: int | None = None

    def then(self, at_ms: int, error: str | None) -> "Outcome":
        """How the next use went."""
        return Outcome(at_ms, error, at_ms if error is None else self.well_at_ms)
