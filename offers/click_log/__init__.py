"""From an answered click to the click log in Redis, or to the spool."""
