"""Counts and latencies of a worker's clicks, kept in Redis."""
