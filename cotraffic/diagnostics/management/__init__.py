"""Management commands of the staff page."""
