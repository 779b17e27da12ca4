"""A run: its folder, the context of its stages, and the loop over its stages."""
