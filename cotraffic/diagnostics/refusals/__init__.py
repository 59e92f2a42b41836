"""Refused clicks: how many, why, and the newest."""
