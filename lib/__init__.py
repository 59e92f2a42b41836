"""Shared by several packages, and independent of all of them."""
