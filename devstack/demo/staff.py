"""The first account of the staff page, so that a developer can sign in at once."""

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass

from devstack.environment import PROJECT, Environment

NAME = "admin"
PASSWORD_FILE = "staff-password"  # noqa: S105 - the file's name
TAKEN = "already taken"


class StaffError(Exception):
    """The account could not be made; the message is what Django said."""


@dataclass(frozen=True)
class Account:
    """An account that may do everything; `password` as it was when the account was made, None if unknown."""

    name: str
    password: str | None


def first_account(environment: Environment) -> Account:
    """Make the account unless there is one of its name. Raises StaffError.

    The password is drawn once, and kept beside the database where only its owner can read it.
    """
    file = environment.state / PASSWORD_FILE
    kept = file.read_text() if file.exists() else None
    password = kept or secrets.token_urlsafe(9)
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", NAME]
    made = subprocess.run(
        [*command, "--email", f"{NAME}@localhost.example"],
        cwd=PROJECT,
        env={**environment.variables, "DJANGO_SUPERUSER_PASSWORD": password},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode == 0:
        with open(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as kept_file:
            kept_file.write(password)
        return Account(NAME, password)
    if TAKEN not in made.stderr:
        raise StaffError(f"`manage.py createsuperuser` failed: {made.stderr.strip()}")
    return Account(NAME, kept)
