"""Figures of the house: how large, how deep and how strictly typed it is."""
