"""The entry points: our own protocol, and the Django view behind it."""
