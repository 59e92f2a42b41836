"""Reads environment variables literally: no character in a value has a special meaning."""

import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

BOOLEANS = {
    **dict.fromkeys(("true", "on", "ok", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "off", "no", "n", "0", ""), False),
}
WANTED = {
    int: "a whole number such as 5000",
    float: "a number such as 20.5",
    bool: "true or false",
}


# Packages that Django's database backends need; one of each line is enough.
DRIVERS = {
    "django.db.backends.sqlite3": ("sqlite3",),
    "django.db.backends.postgresql": ("psycopg", "psycopg2"),
    "django.db.backends.mysql": ("MySQLdb",),
    "django.db.backends.oracle": ("oracledb",),
}


class Variables(environ.Env):  # type: ignore[misc]
    """Reads variables by kind: `str`, `int`, `float`, `bool`, `list` (split at commas), `database` (a URL).

    The library would take a value that begins with `$` for the name of another variable, and drop everything
    but digits from a number; here the value counts as it is written. A number or a boolean that cannot be
    read raises `ImproperlyConfigured`, which names the variable but not the value, for that may be a secret.
    """

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        """Return the value of a variable, or its default if it is not set."""
        text = os.environ.get(var)
        if text is None:
            if default is self.NOTSET:
                raise ImproperlyConfigured(f"{var} is not set.")
            text = default
            if not (parse_default and isinstance(text, str)):
                return text
        try:
            return PARSERS[cast](text)
        except (KeyError, ValueError):
            wanted = WANTED[cast]
            raise ImproperlyConfigured(f"{var} must be {wanted}; correct it, or leave it out.") from None

    def database(self, var: str, default: str) -> dict[str, Any]:
        """Return the database that a URL names, as Django's `DATABASES` takes it.

        Raises `ImproperlyConfigured` for a URL of no database, or of one whose driver is not installed.
        """
        config: dict[str, Any] = self.db_url_config(self.get_value(var, default=default))
        _check_driver(var, config.get("ENGINE", ""))
        return config


def _check_driver(var: str, engine: str) -> None:
    """Raise `ImproperlyConfigured` if a database's driver is missing; Django's error names no variable."""
    drivers = DRIVERS.get(engine)
    if drivers is None:
        raise ImproperlyConfigured(
            f"{var} must be a URL of a database that Django knows, such as sqlite:////data/staff.sqlite3; "
            "correct it, or leave it out."
        )
    if not any(find_spec(driver) for driver in drivers):
        database = engine.rpartition(".")[2]
        raise ImproperlyConfigured(
            f"{var} names a {database} database, whose driver {drivers[0]} is not installed. Install it, or "
            "use SQLite, which needs none: sqlite:////data/staff.sqlite3."
        )


def _boolean(text: str) -> bool:
    return BOOLEANS[text.strip().lower()]


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _entries(text: str) -> list[str]:
    return [entry for entry in text.split(",") if entry]


# A cast of None stands for a URL, which the library parses itself.
PARSERS: dict[Any, Callable[[str], Any]] = {
    None: str,
    str: str,
    int: int,
    float: _number,
    bool: _boolean,
    list: _entries,
}
