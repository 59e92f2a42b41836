"""The offers app."""

from django.apps import AppConfig


class OffersConfig(AppConfig):
    """Answers `/offer`."""

    name = "offers"
