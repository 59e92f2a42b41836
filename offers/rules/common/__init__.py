"""What all rules share: what they are asked and may answer, and how they speak of it."""
