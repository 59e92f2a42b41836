"""A search index of the live records, for staff."""
