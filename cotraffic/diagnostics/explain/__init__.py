"""Explains why a link leads where it leads."""
