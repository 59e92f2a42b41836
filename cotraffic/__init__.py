"""The Django project: settings, entry points, and everything for operators and staff."""

__version__ = "1.0.0"
