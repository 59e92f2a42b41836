"""Structured logs: format and settings."""
