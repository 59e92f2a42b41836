"""Keeps this instance's Redis in sync with co-recipe."""
