"""For machines that look after an instance: health, readiness, metrics, heartbeats."""
