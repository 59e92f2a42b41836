"""Bounds of times that somebody writes by hand."""

# The first second of the year 9000: Python's dates end with the year 9999, whatever the zone.
END_OF_TIME_S = 221_845_392_000
END_OF_TIME_MS = END_OF_TIME_S * 1000
