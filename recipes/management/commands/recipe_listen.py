"""`manage.py recipe_listen`: keep the recipe true to co-recipe."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django_redis import get_redis_connection

from recipes.listener import Listener
from recipes.store import RecipeStore


class Command(BaseCommand):
    """Run the listener until SIGTERM or SIGINT."""

    help = (
        "Connect to co-recipe at SOCKET_HOST (and SOCKET_HOST_SLAVE), ask every RECIPE_CHECK_SECONDS whether "
        "the recipe changed, load what did, and apply single updates at once. Runs until SIGTERM or Ctrl-C."
    )
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        """Run it."""
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        urls = [url for url in (settings.SOCKET_HOST, settings.SOCKET_HOST_SLAVE) if url]
        store = RecipeStore(get_redis_connection("default"))
        await Listener(store, urls, settings.RECIPE_CHECK_SECONDS).run(stop)
