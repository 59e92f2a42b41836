"""The project's own app: it holds the system checks."""

from django.apps import AppConfig


class CotrafficConfig(AppConfig):
    """Registers the system checks."""

    name = "cotraffic"

    def ready(self) -> None:
        """Register the checks by importing them."""
