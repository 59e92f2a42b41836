"""Decides clicks again that another server has stored, and reports what would differ (`clicks_compare`)."""
