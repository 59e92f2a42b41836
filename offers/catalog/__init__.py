"""The records that a web worker has in memory."""
