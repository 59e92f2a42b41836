"""Files that hold clicks while Redis is away, and how they get into the click log."""
