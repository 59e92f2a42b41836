"""Finds the records of a generation by name."""
