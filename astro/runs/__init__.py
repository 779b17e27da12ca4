"""A run: its folder, what its stages are given, and the loop over its stages."""
