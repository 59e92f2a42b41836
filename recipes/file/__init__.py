"""A recipe file: download, parse, load."""
