"""The project's own app: it holds the system checks."""

from django.apps import AppConfig


class CotrafficConfig(AppConfig):
    """Registers the system checks."""

    name = "cotraffic"

    def ready(self) -> None:
        """Register the checks by importing them."""
        # Each registers its checks as it is imported.
        from cotraffic.checks import (  # noqa: F401
            broker,
            clicks,
            instance,
            redis,
            security,
            shared_redis,
        )
