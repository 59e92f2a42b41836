"""Makes a recipe file live: a sync of one kind, what holds it back, and what reports on it."""
