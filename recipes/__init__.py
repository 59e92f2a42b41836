"""Keeping this instance's Redis equal to the truth of co-recipe."""
