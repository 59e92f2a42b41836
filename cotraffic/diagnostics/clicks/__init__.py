"""The newest clicks, one click, and the same visitor now."""
