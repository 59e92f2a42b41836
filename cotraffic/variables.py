"""Reads environment variables literally: no character in a value has a special meaning."""

import math
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import environ
from django.core.exceptions import ImproperlyConfigured

BOOLEANS = {
    **dict.fromkeys(("true", "on", "ok", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "off", "no", "n", "0", ""), False),
}
WANTED: dict[object, str] = {
    int: "a whole number such as 5000",
    float: "a number such as 20.5",
    bool: "true or false",
}


SQLITE, POSTGRESQL = "django.db.backends.sqlite3", "django.db.backends.postgresql"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# The databases that co-traffic is tested with, and the packages that they need.
DRIVERS = {SQLITE: "sqlite3", POSTGRESQL: "psycopg"}
# A server that is away must not hold up the staff pages for minutes, as the operating system would.
POSTGRESQL_CONNECT_SECONDS = 5


class Variables(environ.Env):  # type: ignore[misc]
    """Reads variables by kind: `str`, `int`, `float`, `bool`, `list` (split at commas), `database` (a URL).

    The library would take a value that begins with `$` for the name of another variable, and drop everything
    but digits from a number; here the value counts as it is written. A number or a boolean that cannot be
    read raises `ImproperlyConfigured`, which names the variable but not the value, for that may be a secret.
    """

    def get_value(
        self,
        var: str,
        cast: object = None,
        default: object = environ.Env.NOTSET,
        parse_default: bool = False,
    ) -> object:
        """Return the value of a variable, or its default if it is not set."""
        text = os.environ.get(var)
        if text is None:
            if default is self.NOTSET:
                raise ImproperlyConfigured(f"{var} is not set.")
            if not (parse_default and isinstance(default, str)):
                return default
            text = default
        try:
            return PARSERS[cast](text)
        except (KeyError, ValueError):
            raise ImproperlyConfigured(
                f"{var} must be {WANTED[cast]}; correct it, or leave it out."
            ) from None

    def log_level(self, var: str, default: str) -> str:
        """Return the name of a log level, in capitals. Raises `ImproperlyConfigured` for any other word."""
        level = str(self.get_value(var, default=default)).strip().upper()
        if level not in LOG_LEVELS:
            raise ImproperlyConfigured(f"{var} must be one of {', '.join(LOG_LEVELS)}; correct it.")
        return level

    def database(self, var: str, default: str) -> dict[str, object]:
        """Return the database that a URL names, as Django's `DATABASES` takes it.

        Raises `ImproperlyConfigured` for a URL of neither SQLite nor PostgreSQL, or without its driver.
        """
        config: dict[str, object] = self.db_url_config(self.get_value(var, default=default))
        engine = str(config.get("ENGINE", ""))
        _check_driver(var, engine)
        if engine == POSTGRESQL:
            options = config.get("OPTIONS")
            given = options if isinstance(options, dict) else {}
            config["OPTIONS"] = {"connect_timeout": POSTGRESQL_CONNECT_SECONDS, **given}
            config["CONN_HEALTH_CHECKS"] = True
        return config


def demand(settings: Mapping[str, object], least: Mapping[str, float]) -> None:
    """Raise `ImproperlyConfigured` for a setting that is below its least value: it could not work."""
    for name, value in least.items():
        found = settings[name]
        if isinstance(found, int | float) and found < value:
            raise ImproperlyConfigured(f"{name} must be at least {value:g}; correct it, or leave it out.")


def _check_driver(var: str, engine: str) -> None:
    """Raise `ImproperlyConfigured` if a database's driver is missing; Django's error names no variable."""
    driver = DRIVERS.get(engine)
    if driver is None:
        raise ImproperlyConfigured(
            f"{var} must be the URL of a database of SQLite (sqlite:////data/staff.sqlite3) or PostgreSQL "
            "(postgres://USER:PASSWORD@HOST/NAME); correct it, or leave it out."
        )
    if not find_spec(driver):
        raise ImproperlyConfigured(
            f"{var} names a database whose driver {driver} is not installed. Install co-traffic with its "
            "extra `postgresql`, or use SQLite, which needs none: sqlite:////data/staff.sqlite3."
        )


def _boolean(text: str) -> bool:
    return BOOLEANS[text.strip().lower()]


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _entries(text: str) -> list[str]:
    return [entry for entry in map(str.strip, text.split(",")) if entry]


# A cast of None stands for a URL, which the library parses itself.
PARSERS: dict[object, Callable[[str], object]] = {
    None: str,
    str: str,
    int: int,
    float: _number,
    bool: _boolean,
    list: _entries,
}
