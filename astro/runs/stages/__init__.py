"""The built-in stages of a run, one per module."""
