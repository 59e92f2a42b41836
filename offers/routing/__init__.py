"""Runs the rules and follows exits: which offer takes the click, which page, which amounts."""
