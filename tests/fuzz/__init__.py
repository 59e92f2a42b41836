"""Sends a worker whatever comes to mind, over real sockets; `make fuzz`."""
