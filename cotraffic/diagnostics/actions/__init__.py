"""What staff may ask this instance to do, and what became of it."""
