"""Counts the clicks that capped offers and campaigns take, between one record from co-recipe and the next."""
