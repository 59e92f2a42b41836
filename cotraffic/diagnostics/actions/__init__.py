"""Actions that staff can start on this instance, and their outcomes."""
