"""Fixtures for requests over raw sockets."""

from tests.security.conftest import worker

__all__ = ["worker"]
