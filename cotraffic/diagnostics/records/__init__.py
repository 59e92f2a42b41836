"""Offers and campaigns: search and detail."""
