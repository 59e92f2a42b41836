"""Previews what the recipe in S3 would change if it went live."""
