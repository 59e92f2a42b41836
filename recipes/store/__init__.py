"""The recipe in this instance's Redis: the only code that knows its keys."""
