"""For development and tests only: the world outside, on localhost. Nothing imports it but tests."""
