"""The Django project: settings, entry points, and everything for operators and staff."""
