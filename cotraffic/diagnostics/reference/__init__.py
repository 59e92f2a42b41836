"""The reference page: every word that the pages use for a stored code."""
