"""One module a panel."""
