"""Talks to co-recipe over socket.io and applies its updates."""
