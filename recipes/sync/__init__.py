"""One sync of one kind, and what holds it or reports on it."""
