"""System checks of Celery's broker, over a connection like Celery's."""

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from cotraffic.broker import broker_settings, is_redis
from cotraffic.checks.instance import REDIS_TIMEOUT_SECONDS, REDIS_URL_HINT, check_redis
from lib.redis_url import BadRedisUrl, read_url, unreadable_file


@register("cotraffic")
def check_broker(**_: object) -> list[CheckMessage]:
    """E056 for a Redis URL of the broker that cannot be read, W057 where nothing answers there.

    Brokers that are not a Redis are not checked.
    """
    url = settings.CELERY_BROKER_URL
    if not is_redis(url) or (url == settings.REDIS_URL and check_redis()):
        return []
    try:
        if problem := unreadable_file(read_url(url)):
            return [Error(f"CELERY_BROKER_URL {problem}", hint=REDIS_URL_HINT, id="cotraffic.E056")]
        connect(url)
    except BadRedisUrl as error:
        return [Error(f"CELERY_BROKER_URL {error}.", hint=REDIS_URL_HINT, id="cotraffic.E056")]
    except Exception as error:
        # Any error: Celery passes the client's own exceptions on, and clients differ.
        hint = "Start what CELERY_BROKER_URL names, or correct it. Until then clicks are not delivered."
        message = f"Celery's broker does not answer: {error}"
        return [Warning(message, hint=hint, id="cotraffic.W057")]
    return []


def connect(url: str) -> None:
    """Open a connection to the broker as Celery does, and close it. Raises whatever the client raises."""
    # Imported here: every command registers this check, few run it, and Celery takes long to import.
    from celery import Celery

    app = Celery("check", set_as_current=False)
    seconds = REDIS_TIMEOUT_SECONDS
    app.conf.update(broker_settings(url, socket_connect_timeout=seconds, socket_timeout=seconds))
    with app.connection_for_write(connect_timeout=seconds) as connection:
        # This also sends a PING.
        connection.ensure_connection(max_retries=1)
