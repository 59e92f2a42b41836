"""`manage.py recipe_listen`: keep the recipe in sync with co-recipe."""

import asyncio
import signal

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lib.redis_url import REDIS_URL_TAG
from recipes.corecipe.listener import Listener
from recipes.store.store import RecipeStore

REDIS_SECONDS = 0.5


class Command(BaseCommand):
    """Run the listener until SIGTERM or SIGINT."""

    help = (
        "Connect to co-recipe at SOCKET_HOST (and SOCKET_HOST_SLAVE), ask every RECIPE_CHECK_SECONDS whether "
        "the recipe changed, load what did, and apply single updates at once. Runs until SIGTERM or Ctrl-C."
    )
    requires_system_checks = (REDIS_URL_TAG,)

    def handle(self, *_: object, **__: object) -> None:
        """Listen, and return after the signal once everything is closed."""
        uvloop.run(self._listen())

    async def _listen(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        urls = [url for url in (settings.SOCKET_HOST, settings.SOCKET_HOST_SLAVE) if url]
        if not urls:
            raise CommandError("SOCKET_HOST is empty: set it to the address of co-recipe")
        # Not Django's client: its time-out for a Redis that hangs is longer than a SIGTERM may take. Requests
        # that are not answered in time are tried again.
        client = Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        store = RecipeStore(client)
        await Listener(store, urls, settings.RECIPE_CHECK_SECONDS).run(stop)
