"""Whether an answer is the same as the reference."""
