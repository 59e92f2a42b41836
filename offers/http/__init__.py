"""The entry points: our own protocol, ASGI, and the Django view."""
