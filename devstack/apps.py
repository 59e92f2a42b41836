"""The devstack as a Django app, for its command; it is installed in development only."""

from django.apps import AppConfig


class DevstackConfig(AppConfig):
    """Holds `devstack_change`."""

    name = "devstack"
