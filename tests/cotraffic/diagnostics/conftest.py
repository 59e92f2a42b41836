"""Accounts, and clients that are signed in."""

from typing import TYPE_CHECKING

import pytest
from django.test import Client

if TYPE_CHECKING:
    # Django is not set up yet when this file is read.
    from django.contrib.auth.models import User


@pytest.fixture
def staff(db: None, django_user_model: "type[User]") -> "User":
    return django_user_model.objects.create_user("sam", password="pass-of-sam", is_staff=True)


@pytest.fixture
def staff_client(staff: "User") -> Client:
    """A client of somebody who may see the diagnostics, and nothing else."""
    client = Client()
    client.force_login(staff)
    return client
